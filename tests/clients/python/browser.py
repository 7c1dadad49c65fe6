"""A browser without JavaScript: keeps cookies, follows redirects, and fills the HTML forms that it is shown."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urlencode, urljoin

import httpx

MOST_REDIRECTS = 20
MOST_PAGES = 6


@dataclass
class Form:
    """A form: where it goes, its fields as (name, value, type), and its buttons as (name, value)."""

    action: str
    method: str
    fields: list[tuple[str, str, str]] = field(default_factory=list)
    buttons: list[tuple[str | None, str]] = field(default_factory=list)
    id: str | None = None

    def asks_for_password(self) -> bool:
        return any(kind == "password" for _, _, kind in self.fields)


@dataclass
class Page:
    """What the browser shows, or the address at which it was told to stop."""

    url: str
    status: int = 0
    html: str = ""
    forms: list[Form] = field(default_factory=list)

    @property
    def arrived(self) -> bool:
        return self.status == 0


class Browser:
    """One person's browser."""

    def __init__(self) -> None:
        self.http = httpx.Client(headers={"accept": "text/html", "accept-language": "en"}, timeout=30)

    def open(self, url: str, until: str | None = None, form: dict[str, str] | None = None) -> Page:
        """Opens an address and follows redirects, up to one that begins with `until`, which is not opened."""
        for _ in range(MOST_REDIRECTS):
            if until and url.startswith(until):
                return Page(url)
            if form is None:
                response = self.http.get(url)
            else:
                origin = str(httpx.URL(url).copy_with(raw_path=b"/")).rstrip("/")
                response = self.http.post(url, data=form, headers={"origin": origin})
            if not response.has_redirect_location:
                return Page(url, response.status_code, response.text, _forms(response.text, url))
            # 307 and 308 repeat the request; the others become a GET.
            form = form if response.status_code in (307, 308) else None
            url = urljoin(url, response.headers["location"])
        raise AssertionError(f"more than {MOST_REDIRECTS} redirects, last {url}")

    def submit(self, form: Form, fill: dict[str, str], press: str | None = None, until: str | None = None) -> Page:
        """Submits a form by the button whose value is `press`, or by its first."""
        data = {name: fill.get(name, fill.get(kind, value)) for name, value, kind in form.fields if kind != "checkbox"}
        buttons = [button for button in form.buttons if press in (None, button[1]) or len(form.buttons) == 1]
        if buttons and buttons[0][0]:
            data[buttons[0][0]] = buttons[0][1]
        if form.method == "GET":
            return self.open(f"{form.action.split('?')[0]}?{urlencode(data)}", until)
        return self.open(form.action, until, data)

    def authorize(self, url: str, redirect_uri: str, identifier: str, password: str, consent: str = "allow") -> str:
        """Does what the pages of an authorization request ask for; returns the address it ends at."""
        fill = {"identifier": identifier, "login": identifier, "text": identifier, "email": identifier, "password": password}
        page = self.open(url, redirect_uri)
        for _ in range(MOST_PAGES):
            if page.arrived:
                return page.url
            login = next((form for form in page.forms if form.asks_for_password()), None)
            decision = next((form for form in page.forms if form.buttons), None)
            assert login or decision, f"stuck at {page.url} ({page.status}): {page.html[:800]}"
            if login:
                page = self.submit(login, fill, until=redirect_uri)
            else:
                page = self.submit(decision, {}, consent, redirect_uri)
        raise AssertionError(f"stuck at {page.url} ({page.status}): {page.html[:800]}")


class _Parser(HTMLParser):
    def __init__(self, base: str) -> None:
        super().__init__()
        self.base, self.forms, self.current = base, [], None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        of = dict(attrs)
        if tag == "form":
            method = (of.get("method") or "get").upper()
            self.current = Form(urljoin(self.base, of.get("action") or ""), method, id=of.get("id"))
            self.forms.append(self.current)
            return
        # A control outside its form names it; such a form must come first, as it does wherever we met one.
        named = of.get("form")
        owner = next((form for form in self.forms if named and form.id == named), self.current)
        if owner and "disabled" not in of:
            kind = of.get("type") or ("submit" if tag == "button" else "text")
            value = of.get("value") or ""
            if tag in ("button", "input") and kind == "submit":
                owner.buttons.append((of.get("name"), value))
            elif tag in ("input", "textarea", "select") and of.get("name"):
                owner.fields.append((of["name"], value, kind))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self.current = None


def _forms(html: str, base: str) -> list[Form]:
    parser = _Parser(base)
    parser.feed(html)
    return parser.forms
