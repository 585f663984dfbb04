// One map, row by column, row 0 at the top. What is pointed at stays in the browser; a click keeps a row and tells Python.
import { quantity } from "../shared/numbers.js";

import { shelf } from "../shared/shelf.js";
import { LinkedText } from "./chips.js";
import { labelFont, named, paintLabels, turned } from "./labels.js";
import { isBeyond, LEFT_OUT, levelImage, levelOf, paintCells, savePng, sized, strongest, valueAt } from "./scale.js";
import { View } from "./view.js";

export class TokenMap extends View {
  constructor(parent) {
    super(parent, "map");
    this.heading = this.add("h2", "heading");
    this.text = new LinkedText(
      this.root,
      (i) => this.point(i === null ? null : { row: i, col: null }),
      (i) => this.pin(i),
    );
    this.readout = this.add("p", "readout");
    this.readout.setAttribute("aria-live", "polite");
    this.stage = this.add("div", "stage");
    this.canvas = this.add("canvas", "cells", this.stage);
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "application");
    this.over = this.add("canvas", "over", this.stage);
    this.addFoot();
    this.listen(this.canvas, "pointermove", (event) => this.point(this.at(event)));
    this.listen(this.canvas, "pointerleave", (event) => event.pointerType === "touch" || this.point(null));
    this.listen(this.canvas, "click", (event) => {
      const place = this.at(event);
      this.point(place);
      if (place) this.pin(place.row, place.col);
    });
    this.listen(this.canvas, "keydown", (event) => this.key(event));
    this.listen(this.canvas, "blur", () => this.point(null));
    this.rows = new Map(); // exact values that have come, by row
  }

  receive(header) {
    header.col_tokens ??= header.row_tokens; // the same, sent once
    if (this.header?.key !== header.key) this.listen(shelf, `${header.key}:row`, () => this.takeRow());
    const tokens = header.linked_text ? header.row_tokens : [];
    if (this.header?.stamp !== header.stamp || tokens.length !== this.text.chips.length) {
      this.text.setTokens(tokens);
      this.pointed = null;
    }
    this.text.box.hidden = !header.linked_text;
    this.pinned = header.row;
    this.pinnedCol = header.col ?? null;
    this.canvas.setAttribute("aria-label", header.alt);
    super.receive(header);
  }

  renewed() {
    this.rows.clear();
    this.waiting = null;
    this.reveal = true;
  }

  // ---- values ----------------------------------------------------------------------------------------------------

  value(row, col) {
    const { scale, top } = this.header;
    const i = row * this.shape[1] + col;
    if (this.exact) return { value: this.exact[i], about: false };
    const known = this.rows.get(row);
    return known
      ? { value: known[col], about: false }
      : { value: valueAt(this.levels[i], scale, top), about: this.levels[i] !== LEFT_OUT };
  }

  written({ value, about }) {
    return `${about ? "about " : ""}${quantity(value, this.header.unit)}`;
  }

  // Ask for the exact values of a row once the pointer rests on it; one question at a time.
  ask(row, col) {
    if (this.exact || this.rows.has(row)) return;
    clearTimeout(this.pause);
    this.pause = setTimeout(() => {
      if (this.waiting !== null && performance.now() - this.waiting < 3000) return; // takeRow asks again
      this.waiting = performance.now();
      const detail = { row, col: col ?? 0, stamp: this.header.stamp };
      shelf.dispatchEvent(new CustomEvent(`${this.header.key}:ask`, { detail }));
    }, 90);
  }

  takeRow() {
    const { value, values } = shelf.values.get(`${this.header.key}:row`);
    this.waiting = null;
    if (value.stamp === this.stamp && value.row !== null) this.rows.set(value.row, values.data);
    this.mark();
  }

  // ---- geometry and drawing --------------------------------------------------------------------------------------

  paint() {
    const context = sized(this.canvas, 1, 1);
    this.measure(context);
    const { grid } = this;
    const block = this.paintAll(sized(this.canvas, grid.right, grid.bottom));
    this.mark();
    if (this.reveal) this.text.reveal(this.pinned);
    this.reveal = false;
    return block;
  }

  measure(context) {
    const [rows, cols] = this.shape;
    const { row_tokens, col_tokens } = this.header;
    const narrow = this.width < 600;
    const longest = (tokens, most) => {
      context.font = labelFont(this.colours, false);
      const step = Math.ceil(tokens.length / 80);
      return Math.min(most, Math.max(24, ...tokens.filter((_, i) => i % step === 0).map((t) => context.measureText(t).width)));
    };
    const left = 20 + Math.ceil(longest(row_tokens, narrow ? 64 : 116)) + 8;
    const top = 20 + Math.ceil(longest(col_tokens, narrow ? 64 : 92)) + 6;
    const square = rows === cols;
    let cellWidth = Math.min(40, (this.width - left - 2) / cols, square ? 700 / rows : Infinity);
    const device = window.devicePixelRatio || 1;
    if (cellWidth * device >= 2) cellWidth = Math.floor(cellWidth * device) / device; // whole pixels, so that all cells are alike
    const cellHeight = square ? cellWidth : Math.min(Math.max(18, Math.min(28, cellWidth)), 700 / rows);
    const right = left + cols * cellWidth,
      bottom = top + rows * cellHeight;
    const separate = rows * cols <= 10_000 && cellWidth >= 7;
    this.canvas.dataset.cells = [left, top, cellWidth, cellHeight].join(" "); // where they lie, for whoever points at them from outside
    this.grid = {
      rows,
      cols,
      left,
      top,
      cellWidth,
      cellHeight,
      right: Math.ceil(right + 2),
      bottom: Math.ceil(bottom + 2),
      separate,
    };
  }

  paintAll(context) {
    const { rows, cols, left, top, cellWidth, cellHeight, separate } = this.grid;
    const { colours, header } = this;
    const block = separate ? [1, 1] : this.block(context);
    context.fillStyle = colours.card;
    context.fillRect(left, top, cols * cellWidth, rows * cellHeight);
    if (separate) {
      paintCells(context, this);
    } else {
      const dots = strongest(this.levels, rows, cols, block, header.scale);
      context.imageSmoothingEnabled = Math.max(...block) > 1;
      context.imageSmoothingQuality = "high";
      const image = levelImage(dots.levels, dots.cols, dots.rows, colours.table);
      context.drawImage(image, left, top, dots.cols * block[0] * cellWidth, dots.rows * block[1] * cellHeight);
    }
    context.fillStyle = colours.soft;
    context.font = `12px ${colours.sans}`;
    context.textAlign = "left";
    context.textBaseline = "alphabetic";
    context.fillText(`${header.col_title} →`, left, 12);
    turned(context, 12, top, () => {
      context.textAlign = "right";
      context.fillText(`← ${header.row_title}`, 0, 0);
    });
    return block;
  }

  // How many cells, across and down, share a dot where there are more cells than pixels.
  block(context) {
    const pixels = context.getTransform().a;
    return [this.grid.cellWidth, this.grid.cellHeight].map((side) => Math.max(1, Math.ceil(0.99 / (pixels * side))));
  }

  // ---- what is pointed at and what is kept ------------------------------------------------------------------------

  at(event) {
    if (!this.ready) return null;
    const box = this.canvas.getBoundingClientRect();
    const { left, top, cellWidth, cellHeight, rows, cols } = this.grid;
    const col = Math.floor((event.clientX - box.left - left) / cellWidth);
    const row = Math.floor((event.clientY - box.top - top) / cellHeight);
    return row >= 0 && row < rows && col >= 0 && col < cols ? { row, col } : null;
  }

  point(place) {
    const { pointed } = this;
    if (!this.ready || (place?.row === pointed?.row && place?.col === pointed?.col)) return;
    this.pointed = place;
    this.mark();
    if (place?.col !== null) this.text.reveal(place?.row ?? this.pinned);
  }

  // A row, by itself (a token of the text) or with one of its cells.
  pin(row, col = null) {
    this.pinned = row;
    if (this.pinnedCol !== null) this.pinnedCol = col; // a map of cells, not of rows
    this.mark();
    this.send("row", { row, col, stamp: this.stamp });
  }

  key(event) {
    if (!this.ready) return;
    const { rows, cols } = this.grid;
    const start = { row: this.pinned ?? rows - 1, col: 0 };
    const here = this.pointed && this.pointed.col !== null ? this.pointed : start;
    const move = {
      ArrowLeft: [0, -1],
      ArrowRight: [0, 1],
      ArrowUp: [-1, 0],
      ArrowDown: [1, 0],
      Home: [0, -cols],
      End: [0, cols],
    }[event.key];
    const within = (value, count) => Math.max(0, Math.min(count - 1, value));
    if (move) this.point(this.pointed ? { row: within(here.row + move[0], rows), col: within(here.col + move[1], cols) } : start);
    else if (event.key === "Enter" || event.key === " ") this.pin(here.row, this.pointed && here.col);
    else if (event.key === "Escape") this.point(null);
    else return;
    event.preventDefault();
  }

  // Everything that follows the pointer: crosshair, labels, readout, text.
  mark() {
    if (!this.ready || !this.grid) return;
    const { grid, pointed, pinned, header } = this;
    const context = sized(this.over, grid.right, grid.bottom);
    const kept = pinned < grid.rows ? pinned : null; // null < 1, so that no row stays no row
    const row = pointed ? pointed.row : kept;
    if (pointed) this.markPointed(context, pointed);
    if (kept !== null) this.markPinned(context, kept);
    const lit = [[pointed?.row, kept].filter(Number.isInteger), pointed ? [pointed.col ?? pointed.row] : []];
    paintLabels(context, this, ...lit);
    this.say(this.readout, this.describe(pointed, row));
    if (row !== null) this.ask(row, pointed?.col);
    if (header.linked_text) {
      const reads = row === null ? [] : this.reads(row);
      this.text.show({ query: row, key: pointed?.col ?? null, pinned: kept, reads, colours: this.colours });
    }
  }

  markPinned(context, row) {
    const { left, top, cols, cellWidth, cellHeight } = this.grid;
    context.strokeStyle = this.colours.attention;
    context.lineWidth = 1.5;
    const cell = this.pinnedCol !== null && this.pinnedCol < cols;
    if (cell) {
      context.strokeStyle = this.colours.ink;
      context.lineWidth = 2;
    }
    const x = left + (cell ? this.pinnedCol * cellWidth : 0);
    const width = cell ? Math.max(cellWidth, 2) : cols * cellWidth;
    context.strokeRect(x - 1.5, top + row * cellHeight - 1.5, width + 2, Math.max(cellHeight, 2) + 2);
  }

  // A cell: ringed, with lines along its row and its column. A token of the text (no col): its row and column, all else pale.
  markPointed(context, { row, col }) {
    const { left, top, rows, cols, cellWidth, cellHeight } = this.grid;
    const x = left + (col ?? row) * cellWidth,
      y = top + row * cellHeight;
    const width = Math.max(cellWidth, 2),
      height = Math.max(cellHeight, 2);
    const right = left + cols * cellWidth,
      bottom = top + rows * cellHeight;
    if (col === null) {
      context.fillStyle = this.colours.paper;
      context.globalAlpha = 0.7;
      for (const [x1, x2] of [
        [left, x],
        [x + width, right],
      ])
        for (const [y1, y2] of [
          [top, y],
          [y + height, bottom],
        ])
          context.fillRect(x1, y1, Math.max(0, x2 - x1), Math.max(0, y2 - y1));
      context.globalAlpha = 1;
      return;
    }
    const side = Math.max(width, 7),
      tall = Math.max(height, 7); // a cell of less than a pixel is ringed all the same
    const ring = [x + (width - side) / 2 - 0.5, y + (height - tall) / 2 - 0.5, side, tall];
    context.strokeStyle = this.colours.ink;
    context.globalAlpha = 0.4;
    context.lineWidth = 1;
    context.strokeRect(left - 0.5, ring[1], right - left, tall);
    context.strokeRect(ring[0], top - 0.5, side, bottom - top);
    context.globalAlpha = 1;
    context.lineWidth = 2;
    context.strokeRect(...ring);
  }

  // What a row reads, left to right, without what is left out.
  reads(row) {
    const { scale, top } = this.header;
    return Array.from({ length: this.grid.cols }, (_, index) => ({ index, value: this.value(row, index).value }))
      .filter(({ value }) => !Number.isNaN(value))
      .map(({ index, value }) => ({
        index,
        value,
        share: Math.min(1, Math.abs(value) / top),
        level: levelOf(value, scale, top),
      }));
  }

  describe(pointed, row) {
    const { header } = this;
    const token = (tokens, i) => named(tokens, i, header.col_positions);
    const rowToken = named(header.row_tokens, row, header.row_positions);
    if (pointed && pointed.col !== null) {
      const { col } = pointed;
      const found = this.value(row, col);
      const value = Number.isNaN(found.value) ? header.left_out : this.written(found);
      return [
        `${header.row_title} `,
        ...rowToken,
        `, ${header.col_title} `,
        ...token(header.col_tokens, col),
        ": ",
        ["b", value],
        isBeyond(found.value, header.top) ? ", beyond the colour scale" : "",
        header.facts[row]?.[col] ? `. ${header.facts[row][col]}` : "",
      ];
    }
    if (row === null) return ["Point at a cell, or use the arrow keys on the map. A click keeps a row."];
    const best = this.reads(row)
      .sort((a, b) => b.share - a.share)
      .slice(0, 3);
    const list = best.flatMap(({ index }, k) => [
      k ? ", " : "",
      ...token(header.col_tokens, index),
      " ",
      ["b", this.written(this.value(row, index))],
    ]);
    return [`${header.row_title} `, ...rowToken, ", largest: ", ...list];
  }

  save() {
    const { right, bottom, cellHeight } = this.grid;
    // A cell of a long map is less than a pixel on the screen; in the file it has one.
    const scale = Math.max(2, Math.min(4, 1 / cellHeight));
    savePng(this.colours, this.header, right, bottom, scale, (context) => {
      paintLabels(context, this);
      return this.paintAll(context);
    });
  }
}
