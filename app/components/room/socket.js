// A class's socket: says hello, keeps the newest state, and comes back by itself whatever breaks.
import { AGAIN, ClassState, pause, read } from "./state.js";

const SILENCE = 25_000; // ms without a word, after which the browser asks whether anybody is there
const ANSWER = 4_000; // ms for the answer
const HELLO = 8_000; // ms for a connection to come about

// A random name of this tab, the same until it is closed: a vote counts once for it.
export function tabName() {
  let name = sessionStorage.getItem("glass-tab");
  if (!name) {
    name = [...crypto.getRandomValues(new Uint8Array(9))].map((byte) => byte.toString(36)).join("");
    sessionStorage.setItem("glass-tab", name);
  }
  return name;
}

export class ClassSocket {
  // root: the app's address; role, token: as app/room/protocol.py has them; changed(names) after each change of `state`; told(message)
  // for what goes to this browser alone; status(word, text) when the connection does: "open", "lost", or why it was refused.
  constructor({ root, code, role, token = "", changed, told = () => {}, status = () => {} }) {
    Object.assign(this, { role, token, changed, told, status });
    this.url = new URL(`glass/room/${code}`, root);
    this.url.protocol = this.url.protocol.replace("http", "ws");
    this.state = new ClassState();
    this.failures = 0;
    this.reading = Promise.resolve();
    this.seen = () => document.visibilityState === "visible" && this.wake();
    document.addEventListener("visibilitychange", this.seen);
    addEventListener("online", this.seen);
    addEventListener("pageshow", this.seen);
    this.connect();
  }

  connect() {
    clearTimeout(this.retry);
    this.drop();
    const socket = (this.socket = new WebSocket(this.url));
    socket.binaryType = "arraybuffer";
    this.await(HELLO);
    socket.onopen = () => {
      const { epoch, rev } = this.state;
      socket.send(JSON.stringify({ say: "hello", role: this.role, tab: tabName(), token: this.token, epoch, rev }));
      this.await(ANSWER);
    };
    socket.onmessage = ({ data }) => this.hear(socket, data);
    socket.onclose = () => socket === this.socket && this.lost();
  }

  hear(socket, data) {
    if (socket !== this.socket) return;
    this.quiet();
    if (typeof data === "string") {
      const message = JSON.parse(data);
      if (message.kind === "refused") this.refused(message);
      else if (message.kind !== "here") this.told(message);
      return;
    }
    this.failures = 0;
    // One after the other, since unpacking takes a moment.
    this.reading = this.reading.then(async () => {
      const message = await read(data);
      if (socket !== this.socket) return;
      const names = this.state.take(message);
      this.status("open", "");
      this.changed(names);
    });
  }

  refused({ why, said }) {
    this.drop();
    this.status(why, said);
    const seconds = AGAIN[why] ?? 10;
    if (seconds) this.later(1000 * seconds * (1 + Math.random()));
    else this.close();
  }

  lost() {
    this.drop();
    this.status("lost", "");
    this.later(pause(this.failures++, Math.random()));
  }

  later(ms) {
    clearTimeout(this.retry);
    if (!this.closed) this.retry = setTimeout(() => this.connect(), ms);
  }

  drop() {
    clearTimeout(this.clock);
    const socket = this.socket;
    this.socket = null;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onclose = null;
      socket.close();
    }
  }

  // The page is looked at again, or the network is back: a connection that slept may be none.
  wake() {
    if (this.closed) return;
    if (!this.socket) this.connect();
    else if (this.socket.readyState === WebSocket.OPEN) this.ask();
  }

  ask() {
    this.say("here");
    this.await(ANSWER);
  }

  await(ms) {
    clearTimeout(this.clock);
    this.clock = setTimeout(() => this.lost(), ms);
  }

  quiet() {
    clearTimeout(this.clock);
    this.clock = setTimeout(() => this.ask(), SILENCE);
  }

  // Say one of the protocol's words; whether it could be said.
  say(word, more = {}) {
    if (this.socket?.readyState !== WebSocket.OPEN) return false;
    this.socket.send(JSON.stringify({ say: word, ...more }));
    return true;
  }

  close() {
    this.closed = true;
    this.drop();
    clearTimeout(this.retry);
    document.removeEventListener("visibilitychange", this.seen);
    removeEventListener("online", this.seen);
    removeEventListener("pageshow", this.seen);
  }
}
