// What a hand moves, for whoever wants to know of it before it is let go: moved(name, change), a change to the value under `name` on the
// shelf. Nobody does, outside of a class (room/presenter.js).
export const hand = { moved: null };
