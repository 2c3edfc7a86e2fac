// Choices that others hang on: the page is asked again, with everything that was typed. Without
// this script the person presses a button of the page, which does the same.

for (const form of document.querySelectorAll("form.rp-form")) {
  // Rows come from what may be chosen; Enter sends the form here and adds no empty row.
  const keep = (event) => {
    if (event.key === "Enter" && event.target.closest(".rp-picked")) event.stopPropagation();
  };
  form.addEventListener("keydown", keep, true);
  form.addEventListener("change", (event) => {
    if (!event.target.closest(".rp-asks")) return;
    const button = document.createElement("button");
    button.type = "submit";
    button.name = "_refresh";
    button.value = "1";
    button.formNoValidate = true;
    button.hidden = true;
    form.append(button);
    form.requestSubmit(button);
  });
}
