// What nodes call: functions of the script that the flow names, `/.well-known/ory/webauthn.js`.

for (const element of document.querySelectorAll("[data-load]")) {
  window[element.dataset.load]?.();
}
for (const element of document.querySelectorAll("[data-click]")) {
  element.addEventListener("click", () => window[element.dataset.click]?.(element.value));
}
