// Flows as HTML: every node by its type, whatever the flow is. Nothing here knows what a password or a passkey is.

/** A piece of HTML; whatever else stands in a template is text. */
class Html {
  constructor(text) {
    this.text = text;
  }
}

/** A template whose values are escaped, unless they are HTML already. */
export function html(parts, ...values) {
  return new Html(parts.reduce((text, part, at) => text + written(values[at - 1]) + part));
}

function written(value) {
  if (value instanceof Html) return value.text;
  if (Array.isArray(value)) return value.map(written).join("");
  if (value === undefined || value === null || value === false) return "";
  const names = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };
  return String(value).replace(/[&<>"']/g, (character) => names[character]);
}

/**
 * A flow's messages and forms. One form for all of it: a button says by its name and value which method it is for. The
 * account page has one for each group instead, so that nobody changes a password by changing a name.
 */
export function flowOf(flow, kind) {
  const { nodes, messages, action, method } = flow.ui;
  const groups = kind === "settings" ? [...new Set(nodes.map((node) => node.group))] : ["all"];
  const shared = nodes.filter((node) => node.group === "default");
  const forms = groups.filter((group) => group !== "default").map((group) => {
    const own = group === "all" ? nodes : [...shared, ...nodes.filter((node) => node.group === group)];
    return html`<form action="${action}" method="${method}" novalidate data-group="${group}">${own.map(nodeOf)}</form>`;
  });
  return html`${(messages ?? []).map(messageOf)}${forms}`;
}

function messageOf({ type, text }) {
  return html`<p class="message ${type}" role="${type === "error" ? "alert" : "status"}">${text}</p>`;
}

function nodeOf({ type, attributes, messages, meta }) {
  const about = messages.map(messageOf);
  const label = meta.label?.text;
  switch (type) {
    case "input":
      return inputOf(attributes, label, about);
    case "text":
      return html`<p id="${attributes.id}">${label && html`<b>${label}</b> `}${textOf(attributes.text)}</p>${about}`;
    case "img":
      return html`<img src="${attributes.src}" width="${attributes.width}" height="${attributes.height}" alt="${label ?? ""}">`;
    case "a":
      return html`<p><a href="${webAddress(attributes.href)}">${attributes.title.text}</a></p>`;
    case "script":
      return html`<script src="${webAddress(attributes.src)}" integrity="${attributes.integrity}" crossorigin="${attributes.crossorigin}"></script>`;
    case "div":
      return html`<div id="${attributes.id}" class="${attributes.class}"></div>`;
    default:
      return html``;
  }
}

/** The backup codes are a list in the context of their text. */
function textOf({ text, context }) {
  const secrets = context?.secrets;
  return secrets ? html`<ul>${secrets.map((one) => html`<li>${one.text}</li>`)}</ul>` : html`<code>${text}</code>`;
}

function inputOf(attributes, label, about) {
  const { name, type, value, disabled, required, autocomplete, maxlength, onclickTrigger, onloadTrigger } = attributes;
  const off = disabled && html` disabled`;
  // What a button or a field calls of the script that comes with the flow; see /behaviour.js.
  const calls = html`${onclickTrigger && html` data-click="${onclickTrigger}"`}${onloadTrigger && html` data-load="${onloadTrigger}"`}`;
  if (type === "hidden") return html`<input type="hidden" name="${name}" value="${value}"${calls}>`;
  if (type === "submit" || type === "button") {
    return html`<button type="${type}" name="${name}" value="${value}"${off}${calls}>${label ?? value}</button>${about}`;
  }
  const id = name.replaceAll(/[^\w]/g, "-");
  const wrong = about.length > 0 && html` aria-invalid="true"`;
  if (type === "checkbox") {
    return html`<label><input type="checkbox" name="${name}" value="true"${value === true && html` checked`}${off}> ${label}</label>${about}`;
  }
  return html`<label for="${id}">${label ?? name}</label>
    <input id="${id}" name="${name}" type="${type}" value="${value}"${required && html` required`}${off}${wrong}${calls}
      ${autocomplete && html` autocomplete="${autocomplete}"`}${maxlength && html` maxlength="${maxlength}"`}>${about}`;
}

/** An address that leads to the web, and never to a script. */
function webAddress(address) {
  return /^https?:\/\//.test(address) ? address : "#";
}

/** A whole page. */
export function pageOf(title, body) {
  return html`<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<link rel="stylesheet" href="/style.css">
<script src="/behaviour.js" defer></script>
<main><h1>${title}</h1>${body}</main>
</html>`.text;
}
