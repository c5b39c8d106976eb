// Draws the months of an entity above their table: classes as a band of bars, the probability as a line where it is told.
(() => {
  "use strict";
  const held = document.getElementById("months-chart"), told = document.getElementById("months-told");
  if (!held || !told || !window.echarts) return;
  const { months, classes, probabilities } = JSON.parse(told.textContent);
  const colours = { A: "#2c6e49", B: "#1f5a96", C: "#a8480a", D: "#a11d1d" }, names = ["", "A", "B", "C", "D"];
  const bars = classes.map((one) => (one ? { value: names.indexOf(one), itemStyle: { color: colours[one] } } : null));
  const series = [{
    name: held.dataset.class, type: "bar", data: bars, barWidth: "55%", color: "#52606c",
    label: { show: true, position: "top", formatter: (at) => names[at.value] || "" },
  }];
  const axes = [{ type: "value", min: 0, max: 5, interval: 1, axisLabel: { formatter: (at) => names[at] || "" } }];
  if (probabilities) {
    axes.push({ type: "value", min: 0, axisLabel: { formatter: (at) => Math.round(at * 1000) / 10 + "%" }, splitLine: { show: false } });
    series.push({ name: held.dataset.probability, type: "line", yAxisIndex: 1, data: probabilities, color: "#1c2733", symbolSize: 6 });
  }
  held.hidden = false;
  const chart = window.echarts.init(held);
  chart.setOption({
    animation: false, grid: { left: 36, right: probabilities ? 52 : 16, top: 34, bottom: 28 }, legend: { top: 0 },
    xAxis: { type: "category", data: months }, yAxis: axes, series,
  });
  window.addEventListener("resize", () => chart.resize());
})();
