// What the page of a campaign does once it is read: filter the table by state and text, and sort it.
"use strict";
(() => {
  const table = document.getElementById("repositories");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  const [filters, state, text, count] = ["filters", "state", "text", "count"].map((id) => document.getElementById(id));

  function filter() {
    const wanted = text.value.toLowerCase();
    let shown = 0;
    for (const row of rows) {
      const fits = (!state.value || row.dataset.state === state.value) &&
        (!wanted || row.textContent.toLowerCase().includes(wanted));
      row.hidden = !fits;
      shown += fits ? 1 : 0;
    }
    const [some, all] = [shown, rows.length].map((number) => number.toLocaleString("en"));
    count.textContent = `${some} of ${all}`;
  }

  function sort(column, side) {
    const key = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent.replaceAll(",", "");
    const keyed = rows.map((row) => [key(row), row]);
    const numbers = keyed.every(([value]) => value === "–" || (value.trim() !== "" && isFinite(value)));
    keyed.sort(([a], [b]) => numbers
      // What is not known goes last, whichever way the others stand.
      ? (a === "–") - (b === "–") || side * (Number(a) - Number(b)) || 0
      : side * a.localeCompare(b, "en", { numeric: true }));
    body.append(...keyed.map(([, row]) => row));
  }

  [...table.tHead.rows[0].cells].forEach((head, column, heads) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((one) => one.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      sort(column, down ? -1 : 1);
    });
  });
  filters.addEventListener("input", filter);
  filters.addEventListener("submit", (event) => event.preventDefault());
  filters.hidden = false;
  filter();
})();
