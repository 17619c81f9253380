// New points in what Plotly has drawn. Plotly itself draws a whole panel anew, which takes it twenty
// milliseconds and one more per line: too long for every step of ten runs.

// What Plotly would have to draw anew for, however many points there are.
const look = ({ uid, mode, opacity, marker, meta }) => JSON.stringify([uid, mode, opacity, marker?.symbol, meta]);

// A trace with more points than Plotly has drawn: its line and its dots in Plotly's own elements.
class GrownTrace {
  constructor(figure, trace) {
    this.trace = trace;
    this.line = figure.querySelector(`.trace${trace.uid} .js-line`);
    this.dots = [...figure.querySelectorAll(`.trace${trace.uid} .point`)];
  }

  // Whether the elements are there, and the axis need not grow, too.
  fits({ yaxis }) {
    const { mode, x, y } = this.trace;
    const inside = (value) =>
      value === null || !yaxis.autorange || (yaxis.d2p(value) >= 0 && yaxis.d2p(value) <= yaxis._length);
    const hasLine = !mode.includes("lines") || this.line;
    const hasDots = !mode.includes("markers") || (this.dots.length && !y.includes(null));
    return hasLine && hasDots && this.dots.length <= x.length && y.every(inside);
  }

  draw({ xaxis, yaxis }, drawn) {
    const { x, y } = this.trace;
    const at = x.map((_, row) => y[row] !== null && [xaxis.d2p(x[row]), yaxis.d2p(y[row])].map((px) => px.toFixed(2)));
    const pen = (row) => (row && at[row - 1] ? "L" : "M"); // null is a gap
    this.line?.setAttribute("d", at.map((place, row) => (place ? pen(row) + place : "")).join(""));
    if (this.dots.length) this.drawDots(at);
    Object.assign(drawn, { x, y }); // which is what Plotly saves, and draws next
  }

  drawDots(at) {
    const last = this.dots.at(-1);
    while (this.dots.length < at.length) this.dots.push(last.parentNode.appendChild(last.cloneNode()));
    for (const [row, place] of at.entries()) this.dots[row].setAttribute("transform", `translate(${place})`);
  }
}
