"use strict";
// The interactive scan and spectrum. Numbers come from the JSON element, words from Python.
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("explorer-data").textContent);
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const narrow = matchMedia("(max-width: 40rem)");
  const touch = matchMedia("(pointer: coarse)");
  const config = {
    displayModeBar: matchMedia("(hover: hover)").matches ? "hover" : false,
    displaylogo: false,
    modeBarButtons: [["toImage", "zoom2d", "resetScale2d"]],
    responsive: true,
    toImageButtonOptions: { format: "svg", filename: "novum" },
  };
  const state = { window: Number($("choose-window").value), point: data.headline };

  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const centre = (w) => (w.low + w.high) / 2;
  const fixed = () => state.point === data.headline;

  function axis(extra) {
    const line = colour("--line"), ink = colour("--ink");
    return { gridcolor: line, linecolor: colour("--muted"), zeroline: false, showline: true, ticks: "outside",
      tickcolor: colour("--muted"), exponentformat: "power", tickfont: { color: ink }, automargin: true, ...extra };
  }

  function layout(extra) {
    const small = narrow.matches;
    return { paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)", hovermode: "closest", hoverdistance: 60,
      dragmode: touch.matches ? false : "zoom", margin: { l: 8, r: 34, t: 12, b: 8 },
      font: { family: getComputedStyle(document.body).fontFamily, size: small ? 12 : 13, color: colour("--ink") },
      modebar: { bgcolor: "rgba(0,0,0,0)", color: colour("--line"), activecolor: colour("--muted") },
      hoverlabel: { bgcolor: colour("--raised"), bordercolor: colour("--line"), font: { color: colour("--ink") } },
      legend: { orientation: "h", x: 0, y: 1.01, xanchor: "left", yanchor: "bottom", itemclick: false, itemdoubleclick: false },
      ...extra };
  }

  function band(low, high, fill, opacity) {
    return { type: "rect", xref: "x", yref: "paper", x0: low, x1: high, y0: 0, y1: 1, layer: "below",
      fillcolor: fill, opacity, line: { width: 0 } };
  }

  // One trace of the scan: the windows that `pick` finds a local p-value for.
  function local(name, pick, marker, bars) {
    const found = data.windows.map((w, i) => ({ w, i, at: pick(w) })).filter((f) => f.at);
    return { type: "scatter", mode: "markers", name, x: found.map((f) => centre(f.w)), y: found.map((f) => f.at.p),
      customdata: found.map((f) => f.i), text: found.map((f) => `${f.w.name} GeV<br>${f.at.text}`),
      marker: { ...marker, symbol: found.map((f) => (f.at.bound ? "triangle-down" : marker.symbol)) },
      error_x: bars ? { type: "data", array: found.map((f) => (f.w.high - f.w.low) / 2), color: marker.color,
        thickness: bars, width: 0 } : undefined,
      hovertemplate: "%{text}<extra>" + name + "</extra>" };
  }

  function scanTraces() {
    const traces = [
      local("inclusive", (w) => w.inclusive, { color: colour("--muted"), size: 5, symbol: "circle" }, 1),
      local("headline", (w) => w.points[data.headline].local, { color: colour("--fit"), size: 9, symbol: "circle" }, 2),
    ];
    if (data.windows.some((w) => w.calibrated)) {
      traces.push(local("calibrated", (w) => w.calibrated, { color: colour("--second"), size: 10, symbol: "diamond" }, 0));
    }
    if (!fixed()) {
      const open = { color: colour("--accent"), size: 9, symbol: "circle-open", line: { width: 2 } };
      traces.push(local("ε<sub>B</sub> = " + data.eps[state.point], (w) => w.points[state.point] && w.points[state.point].local, open, 1));
    }
    const withheld = local("withheld", (w) => w.withheld && { p: 1.6, text: "withheld" }, { color: colour("--muted"), size: 8, symbol: "x-thin", line: { width: 2, color: colour("--muted") } }, 0);
    return withheld.x.length ? [...traces, withheld] : traces;
  }

  function scanLayout() {
    const shown = data.windows[state.window], { floor, guides: levels } = data.depths[state.point], muted = { color: colour("--muted"), size: 12 };
    const guides = levels.map((g) => ({ type: "line", xref: "paper", x0: 0, x1: 1, y0: g.p, y1: g.p, layer: "below",
      line: { color: colour("--line"), width: 1, dash: "dash" } }));
    const names = levels.map((g) => ({ xref: "paper", x: 1, y: Math.log10(g.p), xanchor: "left", showarrow: false,
      text: " " + g.text, font: muted }));
    return layout({ shapes: [...guides, band(shown.low, shown.high, colour("--accent"), 0.14)], annotations: names,
      xaxis: axis({ title: { text: data.mass }, showgrid: false }),
      yaxis: axis({ title: { text: "local p-value" }, type: "log", range: [floor, 0.5], showgrid: false, dtick: Math.max(1, Math.ceil(-floor / 8)) }) });
  }

  function steps(values) {
    const x = [], y = [];
    values.forEach((v, i) => {
      const known = data.fitted[i] && v > 0;
      x.push(data.edges[i], data.edges[i + 1]);
      y.push(...(known ? [v / data.scale[i], v / data.scale[i]] : [null, null]));
    });
    return { x, y };
  }

  const middles = data.edges.slice(1).map((e, i) => (e + data.edges[i]) / 2);
  const perScale = (values) => values.map((v, i) => (v > 0 ? v / data.scale[i] : null));

  function histogram(counts, expected, yaxis) {
    const errors = counts.map((v, i) => Math.sqrt(v) / data.scale[i]);
    return [
      { type: "scatter", mode: "markers", x: middles, y: perScale(counts), yaxis, showlegend: false,
        marker: { color: colour("--ink"), size: 5 }, error_y: { type: "data", array: errors, thickness: 1, width: 0, color: colour("--ink") },
        hovertemplate: "%{x:.0f} GeV: %{y:.5~g}<extra></extra>" },
      { type: "scatter", mode: "lines", ...steps(expected), yaxis, showlegend: false, hoverinfo: "skip",
        line: { color: colour("--fit"), width: 1.8 } },
    ];
  }

  function spectrumTraces(w, point) {
    const expected = point.expected || w.expected.map((e) => point.factor * e);
    const pulls = point.counts.map((n, i) => (data.fitted[i] && expected[i] > 0 ? (n - expected[i]) / Math.sqrt(expected[i]) : null));
    return [...histogram(data.counts, w.expected, "y3"), ...histogram(point.counts, expected, "y2"),
      { type: "bar", x: middles, y: pulls, yaxis: "y", width: data.edges.slice(1).map((e, i) => e - data.edges[i]), showlegend: false,
        marker: { color: colour("--fit"), opacity: 0.8 }, hovertemplate: "%{x:.0f} GeV: pull %{y:.2f}<extra></extra>" }];
  }

  function title(y, text) {
    return { xref: "paper", yref: "paper", x: 1, y, xanchor: "right", yanchor: "top", showarrow: false, text,
      font: { size: 12, color: colour("--muted") } };
  }

  function logRange(...lists) {
    const values = lists.flat().filter((v) => v > 0).map(Math.log10);
    return values.length ? [Math.min(...values) - 0.4, Math.max(...values) + 0.75] : [-1, 1];
  }

  function spectrumLayout(w, point) {
    const shown = middles.filter((_, i) => data.fitted[i] || data.counts[i] > 0), half = (data.edges[1] - data.edges[0]) / 2;
    const log = (domain, counts) => axis({ type: "log", domain, range: logRange(perScale(counts)), dtick: 1, title: { text: data.label } });
    const regions = [band(w.low, w.high, colour("--accent"), 0.18), ...w.sidebands.map(([a, b]) => band(a, b, colour("--second"), 0.12))];
    return layout({ shapes: regions, bargap: 0,
      annotations: [title(1, "all events · " + w.fit), title(0.62, `selected at ε<sub>B</sub> = ${data.eps[state.point]} · ${point.fit}`)],
      xaxis: axis({ title: { text: data.mass }, showgrid: false, range: [shown[0] - half, shown[shown.length - 1] + half], anchor: "y" }),
      yaxis: axis({ domain: [0, 0.18], title: { text: "pull" }, zeroline: true, zerolinecolor: colour("--muted") }),
      yaxis2: log([0.24, 0.62], point.counts), yaxis3: log([0.66, 1], data.counts) });
  }

  function read(w, point) {
    const role = fixed() ? "Fixed beforehand." : "For the eye: each further working point is a further trial.";
    const calibrated = fixed() && w.calibrated ? ` After calibration ${w.calibrated.text}.` : "";
    const local = w.withheld ? `Withheld: ${w.withheld}.` : point && point.local ? `${point.local.text}.` : "";
    $("reading-counts").textContent = `${w.name} GeV at a background efficiency of ${data.eps[state.point]}: ` + (point ? `${point.text}. ` : "too few sideband events for this working point. ") + local + calibrated;
    $("reading-role").textContent = role;
    $("reading-role").className = fixed() ? "fixed" : "trial";
    const label = `${data.eps[state.point]}, ${fixed() ? "fixed beforehand" : "for the eye"}`;
    $("eps-value").textContent = label;
    $("choose-eps").setAttribute("aria-valuetext", label);
    $("to-headline").disabled = fixed();
  }

  function draw() {
    const w = data.windows[state.window], point = w.points[state.point];
    const none = { counts: data.counts.map(() => 0), expected: data.counts.map(() => 0), fit: "too few sideband events" };
    $("choose-window").value = state.window;
    $("choose-eps").value = state.point;
    read(w, point);
    Plotly.react("scan-plot", scanTraces(), scanLayout(), config);
    Plotly.react("spectrum-plot", spectrumTraces(w, point || none), spectrumLayout(w, point || none), config);
  }

  function follow(fragment) {
    const asked = new URLSearchParams(fragment.slice(1)), eps = Number(asked.get("eps_b")), m = Number(asked.get("mass"));
    const nearest = (values, x) => values.reduce((best, v, i) => (Math.abs(v - x) < Math.abs(values[best] - x) ? i : best), 0);
    if (eps > 0) state.point = nearest(data.efficiencies.map(Math.log), Math.log(eps));
    if (m > 0) state.window = nearest(data.windows.map(centre), m);
  }

  // plotly.js is kept compressed; the policy of the page allows the unpacked text by its hash.
  async function unpack() {
    const bytes = Uint8Array.from(atob($("plotly-packed").textContent.trim()), (c) => c.charCodeAt(0));
    const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
    const script = document.createElement("script");
    script.textContent = await new Response(stream).text();
    document.head.append(script);
    script.remove();
  }

  async function start() {
    await unpack();
    document.documentElement.classList.add("live");
    follow(location.hash);
    draw();
    $("choose-window").addEventListener("change", (e) => { state.window = Number(e.target.value); draw(); });
    $("choose-eps").addEventListener("input", (e) => { state.point = Number(e.target.value); draw(); });
    $("to-headline").addEventListener("click", () => { state.point = data.headline; draw(); });
    $("scan-plot").on("plotly_click", (e) => { state.window = e.points[0].customdata; draw(); });
    for (const query of [dark, narrow]) query.addEventListener("change", draw);
    addEventListener("hashchange", () => { follow(location.hash); draw(); });
    document.documentElement.dataset.ready = "yes";
  }

  start().catch((error) => {
    document.documentElement.classList.remove("live");
    console.error(error);
  });
})();
