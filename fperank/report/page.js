"use strict";
// Draws the charts of the report and shows the photo of the mark that the reader points at.
(() => {
  const data = JSON.parse(document.getElementById("report-data").textContent);
  const root = document.documentElement;
  const plots = new Map([...document.querySelectorAll(".plot")].map((el) => [el.dataset.chart, el]));
  // Set here, because the page's policy lets no style stand in an element.
  for (const el of plots.values()) el.style.setProperty("--height", `${el.dataset.height}px`);
  const viewOf = new Map();
  const drawn = new Set();
  const coarse = matchMedia("(pointer: coarse)").matches;

  // --- Charts ---

  // Colours such as var(--ink) are the page's, which Plotly cannot look up itself.
  function themed(value, style) {
    if (typeof value === "string" && value.startsWith("var(")) {
      return style.getPropertyValue(value.slice(4, -1)).trim();
    }
    if (Array.isArray(value)) return value.map((one) => themed(one, style));
    if (value && typeof value === "object") {
      return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, themed(v, style)]));
    }
    return value;
  }

  function figure(name) {
    const chart = data.charts[name];
    const style = getComputedStyle(root);
    const colour = (key) => style.getPropertyValue(key).trim();
    const view = chart.views[viewOf.get(name) ?? 0];
    const narrow = plots.get(name).clientWidth < 520;
    const traces = chart.traces.map(({ customdata, ...trace }, place) => ({
      ...themed(trace, style),
      customdata,
      visible: view && !view.traces.includes(place) ? false : (trace.visible ?? true),
    }));
    // A narrow chart holds as many marks as a wide one.
    if (narrow) {
      for (const { marker } of traces) if (typeof marker?.size === "number") marker.size *= 0.7;
    }
    const own = themed({ ...chart.layout, ...(view ? view.layout : {}) }, style);
    const layout = {
      font: { family: getComputedStyle(document.body).fontFamily, size: narrow ? 11 : 12, color: colour("--ink") },
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      margin: { l: 50, r: 14, t: (own.showlegend === false ? 10 : 32) + (coarse ? 0 : 22), b: 44 },
      legend: { orientation: "h", x: 0, y: 1.02, yanchor: "bottom", itemsizing: "constant" },
      showlegend: true,
      hovermode: "closest",
      hoverlabel: { bgcolor: colour("--paper"), bordercolor: colour("--line"), font: { color: colour("--ink") } },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: colour("--grey"), activecolor: colour("--accent") },
      dragmode: coarse ? false : "zoom",
      uirevision: name,
      ...own,
    };
    for (const key of ["xaxis", "yaxis", "yaxis2"]) {
      if (!layout[key]) continue;
      layout[key] = {
        gridcolor: colour("--line"), linecolor: colour("--line"), zerolinecolor: colour("--line"),
        uirevision: key === "xaxis" ? name : String(viewOf.get(name) ?? 0), ...layout[key],
      };
    }
    return [traces, layout];
  }

  const config = {
    responsive: true,
    displaylogo: false,
    displayModeBar: coarse ? false : "hover",
    // Named one by one: Plotly's own set holds a button that uploads the chart.
    modeBarButtons: [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
    showSendToCloud: false,
  };

  function draw(name) {
    const el = plots.get(name);
    const [traces, layout] = figure(name);
    Plotly.react(el, traces, layout, { ...config, toImageButtonOptions: { filename: name, scale: 2 } });
    if (drawn.has(name)) return;
    drawn.add(name);
    if ("photos" in el.dataset && data.photos.length) {
      for (const event of ["plotly_hover", "plotly_click"]) {
        el.on(event, ({ points }) => {
          if (Array.isArray(points[0].customdata)) showPhotoOf(name, points[0].customdata);
        });
      }
      if (!panels.has(name)) el.on("plotly_unhover", () => { if (!coarse) floating.hidden = true; });
    }
  }

  for (const group of document.querySelectorAll("[data-views]")) {
    const buttons = [...group.querySelectorAll("button")];
    buttons.forEach((button, place) => button.addEventListener("click", () => {
      buttons.forEach((one) => one.setAttribute("aria-pressed", String(one === button)));
      viewOf.set(group.dataset.views, place);
      draw(group.dataset.views);
    }));
  }

  // --- Photos ---

  const instant = (told) => Date.parse(told.replace(" ", "T") + "Z");
  const instants = data.photos.map((photo) => instant(photo.facts[0]));
  const panels = new Map([...document.querySelectorAll("[data-panel]")].map((el) => [el.dataset.panel, el]));
  const floating = panels.get("floating");
  const shownIn = new Map();

  function nearest(time) {
    let low = 0;
    let high = instants.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (instants[middle] < time) low = middle + 1; else high = middle;
    }
    return low > 0 && time - instants[low - 1] <= Math.abs(instants[low] - time) ? low - 1 : low;
  }

  const number = (value, digits) => (value === null ? "–" : value.toFixed(digits).replace("-", "−"));
  const observed = (value) => (value === null ? "not known" : `${value} ${data.unit}`.trim());

  function showPhotoOf(name, facts) {
    const [time, own] = facts;
    const place = own ?? nearest(instant(time));
    const panel = panels.get(name) ?? floating;
    const taken = data.photos[place].facts[0];
    let note = "";
    if (panel.dataset.kind === "day") note = `Shown is the photo of ${taken}.`;
    else if (own === null) note = `This photo is not kept in the report. Shown is the nearest one in time, of ${taken}.`;
    fill(panel, place, facts, note);
  }

  function fill(panel, place, facts, note) {
    const [time, , value, score, percentile, split] = facts;
    const image = panel.querySelector("img");
    image.src = data.photos[place].uri;
    image.alt = `Photo of ${data.photos[place].facts[0]}`;
    image.hidden = false;
    const rows = [
      [panel.dataset.kind === "day" ? "Day" : "Time", panel.dataset.kind === "day" ? time.slice(0, 10) : time],
      ["Observed", observed(value)],
      ["Score", number(score, 2)],
      ["Percentile", percentile === null ? "–" : `${number(100 * percentile, 0)}%`],
      ["Split", split],
    ];
    panel.querySelector("dl").replaceChildren(...rows.flatMap(([term, text]) => {
      const pair = [document.createElement("dt"), document.createElement("dd")];
      pair[0].textContent = term;
      pair[1].textContent = text;
      return pair;
    }));
    panel.querySelector("[data-note]").textContent = note;
    panel.hidden = false;
    shownIn.set(panel.dataset.panel, place);
  }

  function step(name, by) {
    const last = data.photos.length - 1;
    const place = Math.min(Math.max((shownIn.get(name) ?? 0) + by, 0), last);
    const { facts } = data.photos[place];
    const panel = panels.get(name);
    const ofDay = panel.dataset.kind === "day";
    fill(panel, place, facts, ofDay ? "The figures are those of this photo." : "");
    const line = { type: "line", xref: "x", x0: facts[0], x1: facts[0], yref: "paper", y0: 0, y1: 1, line: { color: "var(--accent)", width: 1.5 } };
    const shapes = [...(data.charts[name].layout.shapes ?? []), line];
    Plotly.relayout(plots.get(name), { shapes: themed(shapes, getComputedStyle(root)) });
  }

  for (const [name, panel] of panels) {
    for (const button of panel.querySelectorAll("[data-step]")) {
      button.addEventListener("click", () => step(name, Number(button.dataset.step)));
    }
    panel.querySelector(".close")?.addEventListener("click", () => { panel.hidden = true; });
    if (panel !== floating && plots.has(name)) {
      const highest = data.photos.reduce(
        (best, photo, place) => ((photo.facts[4] ?? -1) > (data.photos[best].facts[4] ?? -1) ? place : best), 0);
      const ofDay = panel.dataset.kind === "day";
      fill(panel, highest, data.photos[highest].facts,
        ofDay ? "The figures are those of this photo. Point at a mark for its day." : "The highest score among the photos kept. Point at a mark for its photo.");
    }
  }

  // --- Page ---

  const nav = document.querySelector("nav");
  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
  const seen = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) {
      if (!isIntersecting) continue;
      for (const link of links.values()) link.removeAttribute("aria-current");
      const link = links.get(target.id);
      link.setAttribute("aria-current", "true");
      nav.scrollLeft = link.offsetLeft - nav.clientWidth / 3;
    }
  }, { rootMargin: "-20% 0px -75% 0px" });
  for (const id of links.keys()) seen.observe(document.getElementById(id));

  const redraw = () => drawn.forEach(draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  addEventListener("beforeprint", () => { root.classList.add("printing"); redraw(); });
  addEventListener("afterprint", () => { root.classList.remove("printing"); redraw(); });

  // One chart at a time, so that the page can be scrolled and read meanwhile.
  const waiting = [...plots.keys()];
  function drawNext() {
    const name = waiting.shift();
    if (name === undefined) return;
    draw(name);
    setTimeout(drawNext, 0);
  }
  drawNext();
})();
