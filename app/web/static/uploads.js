// Files go to the server when they are chosen; the form then carries only their ids. Without this
// script the plain file input is posted with the form.

function uploads(form) {
  let running = 0;
  let waiting = null; // the button that was pressed while files were on their way
  form.addEventListener("change", async (event) => {
    const input = event.target;
    if (!input.matches("input[type=file][data-rf-upload]")) return;
    const place = input.closest("[data-rf-field]");
    const files = [...input.files];
    running += 1;
    await sendAll(form, place, input, files);
    running -= 1;
    input.value = "";
    place.dispatchEvent(new CustomEvent("rf:changed", { bubbles: true, detail: { typed: true } }));
    if (waiting && !running) {
      const button = waiting;
      waiting = null;
      if (!place.querySelector(".rf-progress .text-danger")) form.requestSubmit(button);
    }
  });
  form.addEventListener("submit", (event) => {
    if (!running) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    waiting = event.submitter;
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

// One after the other; what could not be taken stays said until files are chosen again.
async function sendAll(form, place, input, files) {
  const progress = place.querySelector(".rf-progress");
  const wrong = [];
  for (const [index, file] of files.entries()) {
    const many = files.length > 1 ? ` (${index + 1}/${files.length})` : "";
    progress.textContent = `${file.name}${many} …`;
    try {
      await send(form, place, input, file);
    } catch (error) {
      wrong.push(`${file.name}: ${error.message}`);
    }
  }
  progress.replaceChildren(...wrong.map((text) => Object.assign(document.createElement("div"), { className: "text-danger", textContent: text })));
}

async function send(form, place, input, file) {
  if (file.size > (Number(input.dataset.rfMost) || Infinity)) throw new Error(input.dataset.rfTooLarge);
  const body = new FormData();
  body.append("file", file);
  body.append("csrf_token", form.querySelector("[name=csrf_token]").value);
  let answer;
  try {
    answer = await fetch(input.dataset.rfUpload, { method: "POST", body, headers: { Accept: "application/json" } });
  } catch {
    throw new Error(input.dataset.rfUnreachable);
  }
  const said = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new Error(said.message || said.error?.message || input.dataset.rfUnreachable);
  if (!input.multiple) place.querySelector(".rf-chips").replaceChildren();
  place.querySelector(".rf-chips").append(chip(place, said));
  say(file.name);
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

document.addEventListener("rf:form", (event) => uploads(event.target)); // one that took the place of another
for (const form of document.querySelectorAll("form[data-rf-form]")) uploads(form);
