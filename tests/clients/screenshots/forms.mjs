// What a form must tell people and their software besides what axe-core looks at. Runs in the page.

/** Returns what is wrong with the page's forms: purposes of fields (WCAG 2.2, 1.3.5) and errors (3.3.1, 2.4.3). */
export async function formTroubles() {
  const troubles = [];
  const called = (field) => `${field.tagName.toLowerCase()} ${field.name}`;
  const fields = document.querySelectorAll("input:not([type=hidden]):not([type=checkbox])");
  for (const field of fields) {
    if (!field.hasAttribute("autocomplete")) troubles.push(`${called(field)} does not say what may be filled in`);
  }
  const wrong = [...document.querySelectorAll("[aria-invalid=true]")];
  for (const field of wrong) {
    const said = (field.getAttribute("aria-describedby") ?? "").split(" ").map((id) => document.getElementById(id));
    if (!said.some((element) => element?.classList.contains("error-text"))) troubles.push(`${called(field)} does not say what is wrong`);
    if (!document.querySelector(`.notice.error a[href="#${field.id}"]`)) troubles.push(`the summary does not lead to ${called(field)}`);
  }
  // A browser puts the cursor where it belongs when it draws the page, which may be after it has loaded it.
  for (let drawn = 0; drawn < 60 && wrong.length > 0 && document.activeElement === document.body; drawn += 1) {
    await new Promise(requestAnimationFrame);
  }
  if (wrong.length > 0 && document.activeElement !== wrong[0]) {
    troubles.push(`the cursor is in ${document.activeElement?.outerHTML.slice(0, 80)}, not in the first field that is wrong`);
  }
  for (const link of document.querySelectorAll(".notice a[href^='#']")) {
    if (!document.getElementById(link.hash.slice(1))) troubles.push(`the summary leads nowhere: ${link.hash}`);
  }
  if (!document.documentElement.lang) troubles.push("the page does not say its language");
  return troubles;
}
