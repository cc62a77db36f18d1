// Makes elements. Everything that comes from a job goes in as text, never as markup.
"use strict";

/** `make("td", {class: "x"}, "text", element, …)`; functions in the attributes are listeners. */
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (typeof value === "function") element.addEventListener(name, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

const state = (name) => make("span", { class: `state ${name}` }, word(name));
const jobLink = (id) => make("a", { href: `#/job/${inPath(id)}` }, id);
const button = (key, act, attributes = {}) => make("button", { type: "button", click: act, ...attributes }, word(key));

/** A table with a caption; `columns` are pairs of heading and cell-maker, a third value is the cells' class. */
function table(caption, columns, rows) {
  const heads = columns.map(([head, , kind]) => make("th", { scope: "col", class: kind }, head));
  const cells = (row) => columns.map(([, cell, kind]) => make("td", { class: kind }, cell(row) ?? ""));
  const body = rows.length
    ? rows.map((row) => make("tr", {}, ...cells(row)))
    : [make("tr", {}, make("td", { colspan: columns.length }, word("none")))];
  return make("div", { class: "wide", tabindex: "0", role: "region", "aria-label": caption },
    make("table", {}, make("caption", {}, caption), make("thead", {}, make("tr", {}, ...heads)), make("tbody", {}, ...body)));
}

/** Terms and what they are; those without a value are left out. */
function facts(pairs) {
  const known = pairs.filter(([, value]) => value !== undefined && value !== null && value !== "");
  return make("dl", {}, ...known.flatMap(([term, value]) => [make("dt", {}, term), make("dd", {}, value)]));
}

/** A moment in the reader's own zone, to the millisecond where it matters. */
function moment(text) {
  if (!text) return "";
  const at = new Date(text);
  const shown = at.toLocaleString(document.documentElement.lang, { dateStyle: "medium", timeStyle: "medium", hourCycle: "h23" });
  return make("time", { datetime: text, title: text }, shown);
}

function span(seconds) {
  const parts = [[86400, "d"], [3600, "h"], [60, "min"], [1, "s"]];
  const from = parts.findIndex(([size]) => seconds >= size);
  if (from < 0) return "0 s";
  let rest = Math.floor(seconds);
  return parts.slice(from, from + 2).map(([size, unit]) => {
    const count = Math.floor(rest / size);
    rest -= count * size;
    return `${count} ${unit}`;
  }).join(" ");
}

/** Tells a screen reader, without moving anything. */
function say(text) { document.getElementById("said").textContent = text; }

/** What is wrong, above everything; empty hides it. */
function alarm(text) {
  const element = document.getElementById("alarm");
  element.hidden = !text;
  if (element.textContent !== text) element.textContent = text;
}

/** Whether the reader means it. */
function isSure(text) {
  const dialog = document.getElementById("sure");
  document.getElementById("sure-text").textContent = text;
  dialog.returnValue = "";
  return new Promise((answered) => {
    dialog.addEventListener("close", () => answered(dialog.returnValue === "yes"), { once: true });
    dialog.showModal();
  });
}
