// Lines over the last four minutes, and the figures behind them. Knows nothing of jobs.
"use strict";

const KEPT = 120;
const SVG = "http://www.w3.org/2000/svg";

/** The latest values of some series. */
class Samples {
  constructor() { this.rows = []; }
  add(row) {
    this.rows.push(row);
    if (this.rows.length > KEPT) this.rows.shift();
  }
  get last() { return this.rows.at(-1); }
}

/** A figure: one line for each of `names`, the latest values in its caption. A `null` leaves a gap. */
function chart(title, names, samples, format = String) {
  const values = samples.rows.flat().filter((value) => value !== null);
  const most = Math.max(1, ...values);
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "chart");
  svg.setAttribute("viewBox", `0 0 ${KEPT - 1} 100`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  const start = KEPT - samples.rows.length;
  names.forEach((_, series) => {
    for (const run of runs(samples.rows.map((row) => row[series]))) {
      const line = document.createElementNS(SVG, "polyline");
      line.setAttribute("class", `s${series}`);
      line.setAttribute("points", run.map(([at, value]) => `${start + at},${98 - (value / most) * 94}`).join(" "));
      svg.append(line);
    }
  });
  const latest = names.flatMap((name, series) => {
    const value = samples.last?.[series];
    return [make("span", { class: `key s${series}` }), `${name} `, make("b", {}, value === null || value === undefined ? "–" : format(value))];
  });
  return make("figure", {}, make("h3", {}, title), svg, make("figcaption", {}, ...latest));
}

/** Stretches without a gap, as pairs of place and value. */
function runs(values) {
  const found = [[]];
  values.forEach((value, at) => {
    if (value === null || value === undefined) found.push([]);
    else found.at(-1).push([at, value]);
  });
  return found.filter((run) => run.length);
}

/** The bound that a share of the values of a histogram stays within; `null` without values. */
function percentile(histogram, share) {
  const total = histogram.counts.reduce((sum, count) => sum + count, 0);
  if (!total) return null;
  let seen = 0;
  for (let at = 0; at < histogram.counts.length; at += 1) {
    seen += histogram.counts[at];
    if (seen >= total * share) return histogram.bounds[at] ?? histogram.bounds.at(-1);
  }
  return histogram.bounds.at(-1);
}

/** What came to a histogram since an earlier look. */
function since(histogram, before) {
  const counts = histogram.counts.map((count, at) => count - (before?.counts[at] ?? 0));
  return { bounds: histogram.bounds, counts: counts.some((count) => count < 0) ? histogram.counts : counts };
}
