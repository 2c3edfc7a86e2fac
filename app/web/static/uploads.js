// Files go to the server when they are chosen; the form then carries only their ids. Without this
// script the plain file input is posted with the form.

function uploads(form) {
  form.addEventListener("change", async (event) => {
    const input = event.target;
    if (!input.matches("input[type=file][data-rf-upload]")) return;
    const place = input.closest("[data-rf-field]");
    const files = [...input.files];
    for (const file of files) await send(form, place, input, file);
    input.value = "";
    place.dispatchEvent(new CustomEvent("rf:changed", { bubbles: true, detail: { typed: true } }));
  });
  form.addEventListener("click", (event) => {
    const button = event.target.closest("[data-rf-unattach]");
    if (!button) return;
    event.preventDefault();
    const place = button.closest("[data-rf-field]");
    button.closest("li").remove();
    place.querySelector("input[type=file]")?.focus();
    place.dispatchEvent(new CustomEvent("rf:changed", { bubbles: true, detail: { typed: true } }));
  });
}

async function send(form, place, input, file) {
  const progress = place.querySelector(".rf-progress");
  progress.textContent = `${file.name} …`;
  const body = new FormData();
  body.append("file", file);
  body.append("csrf_token", form.querySelector("[name=csrf_token]").value);
  try {
    const answer = await fetch(input.dataset.rfUpload, { method: "POST", body, headers: { Accept: "application/json" } });
    const said = await answer.json();
    if (!answer.ok) throw new Error(said.message || said.error?.message || answer.statusText);
    if (!input.multiple) place.querySelector(".rf-chips").replaceChildren();
    place.querySelector(".rf-chips").append(chip(place, said));
    progress.textContent = "";
    say(file.name);
  } catch (error) {
    progress.textContent = `${file.name}: ${error.message}`;
  }
}

function chip(place, said) {
  const item = place.querySelector("template[data-rf-chip]").content.firstElementChild.cloneNode(true);
  item.querySelector("span").textContent = said.name;
  const hidden = item.querySelector("input");
  hidden.value = said.id;
  hidden.name = place.dataset.rfField;
  const button = item.querySelector("button");
  button.setAttribute("aria-label", `${button.getAttribute("aria-label")} ${said.name}`);
  return item;
}

function say(text) {
  document.dispatchEvent(new CustomEvent("rf:say", { detail: text }));
}

for (const form of document.querySelectorAll("form[data-rf-form]")) uploads(form);
