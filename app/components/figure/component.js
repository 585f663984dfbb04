// One figure, in a component of its own.
import { Figure } from "./figure.js";

const figures = new WeakMap();

export default function ({ data, parentElement }) {
  let figure = figures.get(parentElement);
  if (!figure) figures.set(parentElement, (figure = new Figure(parentElement)));
  figure.receive(data);
  return () => (figure.close(), figures.delete(parentElement));
}
