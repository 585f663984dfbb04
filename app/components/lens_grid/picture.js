// The grid as a PNG of twice the screen's resolution, read off the table as it stands.
import { offer } from "../shared/elements.js";

export function savePicture({ title, name, value_title }, box) {
  const [SIDE, WIDE, HIGH, TOP] = [96, 66, 27, 66];
  const lines = [...box.querySelectorAll("tr")].map((row) => [...row.children]);
  const [rows, columns] = [lines.length - 1, lines[0].length - 1];
  const canvas = Object.assign(document.createElement("canvas"), {
    width: 2 * (SIDE + columns * WIDE + 16),
    height: 2 * (TOP + rows * HIGH + 16),
  });
  const context = canvas.getContext("2d");
  const style = getComputedStyle(box);
  context.scale(2, 2);
  context.fillStyle = style.getPropertyValue("--paper");
  context.fillRect(0, 0, canvas.width, canvas.height);
  const write = (text, x, y, font, colour, room) => {
    context.font = font;
    context.fillStyle = colour;
    let shown = text;
    while (shown.length > 1 && context.measureText(shown).width > room) shown = `${shown.replace(/…$/, "").slice(0, -1)}…`;
    context.fillText(shown, x, y);
  };
  const mono = `12px ${style.getPropertyValue("--mono") || "monospace"}`;
  write(`${title}; colour: ${value_title}`, 10, 24, `600 15px ${style.fontFamily}`, style.color, 1e6);
  lines[0]
    .slice(1)
    .forEach((cell, i) => write(cell.firstChild.textContent, SIDE + i * WIDE + 5, TOP - 12, mono, style.color, WIDE - 8));
  lines.slice(1).forEach(([head, ...cells], row) => {
    const y = TOP + row * HIGH;
    write(head.textContent, 10, y + 18, `12px ${style.fontFamily}`, style.color, SIDE - 12);
    cells.forEach((cell, i) => {
      const button = cell.firstChild;
      if (!button) return;
      const own = getComputedStyle(button);
      context.fillStyle = own.backgroundColor;
      context.fillRect(SIDE + i * WIDE, y, WIDE - 1, HIGH - 1);
      write(button.textContent, SIDE + i * WIDE + 5, y + 18, mono, own.color, WIDE - 9);
      if (!cell.classList.contains("settled")) return;
      context.fillStyle = getComputedStyle(cell).getPropertyValue("--settled-colour");
      context.fillRect(SIDE + i * WIDE, y - 1.5, WIDE - 1, 3);
    });
  });
  canvas.toBlob((blob) => offer(blob, `${name}.png`));
}
