// Draws the shares of the last months over their table; without it the table says the same.
(() => {
  const place = document.getElementById("months-chart");
  const told = JSON.parse(document.getElementById("months-data").textContent);
  const colours = { A: "#2c6e49", B: "#1f5a96", C: "#a8480a", D: "#a11d1d" };
  const marks = { A: "circle", B: "rect", C: "triangle", D: "diamond" };
  const chart = window.echarts.init(place);
  chart.setOption({
    animation: false,
    aria: { enabled: true, decal: { show: true } },
    grid: { left: 48, right: 16, top: 32, bottom: 28 },
    legend: { top: 0, data: Object.keys(told.shares) },
    tooltip: { trigger: "axis", valueFormatter: (value) => (value === null ? "…" : `${value}%`) },
    xAxis: { type: "category", data: told.months },
    yAxis: { type: "value", axisLabel: { formatter: "{value}%" } },
    series: Object.entries(told.shares).map(([name, data]) => ({
      name, data, type: "line", connectNulls: false, symbol: marks[name], symbolSize: 7,
      lineStyle: { color: colours[name] }, itemStyle: { color: colours[name] },
    })),
  });
  window.addEventListener("resize", () => chart.resize());
})();
