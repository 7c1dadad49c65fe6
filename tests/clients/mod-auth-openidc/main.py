"""Apache with mod_auth_openidc: a session there ends when the session at the provider does.

`cargo xtask clients mod-auth-openidc` starts a provider and three Apaches and calls it so. ONLY=<text> runs the checks whose
name contains it.
"""

import argparse
import html
import re
import time
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from browser import Browser
from checks import check, finish

#: How long an app may wait for its logout token: jobs look every second or so.
PATIENCE = 30

parser = argparse.ArgumentParser()
for name in ("provider", "admin", "backchannel", "frontchannel", "pairwise", "identifier", "password-file", "key-file"):
    parser.add_argument(f"--{name}", required=True)
options = parser.parse_args()
password = Path(options.password_file).read_text().strip()
operator = httpx.Client(headers={"authorization": f"Bearer {Path(options.key_file).read_text().strip()}"}, timeout=30)


def signed_in_as(browser: Browser, app: str) -> str | None:
    """By which name an app's own session knows the browser; none if it would have to sign in."""
    answer = browser.http.get(f"{app}/protected", follow_redirects=False)
    if answer.status_code == 302:
        assert answer.headers["location"].startswith(f"{options.provider}/oauth2/auth"), answer.headers["location"]
        return None
    assert answer.status_code == 200, f"{answer.status_code}: {answer.text[:400]}"
    return answer.headers["x-signed-in-as"]


def sign_in(*apps: str) -> Browser:
    """A browser that is signed in at the provider and at each of the apps."""
    browser = Browser()
    for app in apps:
        page = browser.open(f"{app}/protected")
        form = next((form for form in page.forms if form.asks_for_password()), None)
        if form:
            page = browser.submit(form, {"identifier": options.identifier, "password": password})
        assert page.url.startswith(app) and page.status == 200, f"{page.url} ({page.status}): {page.html[:800]}"
        assert signed_in_as(browser, app), "the app has a session of its own"
    return browser


def identity() -> dict:
    """The person, as the provider's operators know them."""
    answer = operator.get(f"{options.admin}/admin/identities").raise_for_status()
    return next(person for person in answer.json() if person["traits"]["email"] == options.identifier)


def sign_out(browser: Browser) -> str:
    """Signs out at the provider and opens what its last page has in frames, as a browser with scripts does; that page."""
    page = browser.open(f"{options.provider}/oauth2/sessions/logout")
    question = next(form for form in page.forms if form.action.endswith("/ui/logout"))
    page = browser.submit(question, {})
    assert page.status == 200 and "/ui/signed-out" in page.url, f"{page.url} ({page.status}): {page.html[:800]}"
    for frame in re.findall(r'<iframe src="([^"]*)"', page.html):
        answer = browser.http.get(html.unescape(frame), follow_redirects=False)
        assert answer.status_code == 200, f"{frame}: {answer.status_code} {answer.text[:200]}"
    return page.html


def ends(browser: Browser, app: str) -> None:
    """Waits until the app's own session has ended."""
    until = time.monotonic() + PATIENCE
    while signed_in_as(browser, app):
        assert time.monotonic() < until, "the app still takes the browser for signed in"
        time.sleep(0.2)


def back_channel() -> None:
    browser = sign_in(options.backchannel)
    assert signed_in_as(browser, options.backchannel) == identity()["id"]
    assert "<iframe" not in sign_out(browser), "nobody asked for a frame"
    ends(browser, options.backchannel)


def back_channel_of_this_session_alone() -> None:
    browser, elsewhere = sign_in(options.backchannel), sign_in(options.backchannel)
    sign_out(browser)
    ends(browser, options.backchannel)
    assert signed_in_as(elsewhere, options.backchannel), "another session of the same person goes on"


def operator_ends_it() -> None:
    browser = sign_in(options.backchannel)
    operator.delete(f"{options.admin}/admin/oauth2/auth/sessions/login", params={"subject": identity()["id"]}).raise_for_status()
    ends(browser, options.backchannel)


def front_channel() -> None:
    browser = sign_in(options.frontchannel)
    page = sign_out(browser)
    frame = html.unescape(re.search(r'<iframe src="([^"]*)"', page).group(1))
    assert frame.startswith(f"{options.frontchannel}/callback?logout=get"), frame
    query = parse_qs(urlsplit(frame).query)
    assert query["iss"] == [options.provider] and len(query["sid"]) == 1, query
    assert signed_in_as(browser, options.frontchannel) is None, "when the frame was opened"


def front_channel_without_cookies() -> None:
    """As in a browser that shows frames of other sites none of their cookies: `sid` alone says which session it is."""
    browser = sign_in(options.frontchannel)
    page = browser.open(f"{options.provider}/oauth2/sessions/logout")
    page = browser.submit(next(form for form in page.forms if form.action.endswith("/ui/logout")), {})
    frame = html.unescape(re.search(r'<iframe src="([^"]*)"', page.html).group(1))
    assert signed_in_as(browser, options.frontchannel), "nothing was opened yet"
    Browser().http.get(frame, follow_redirects=False)
    assert signed_in_as(browser, options.frontchannel) is None


def pairwise() -> None:
    browser = sign_in(options.backchannel, options.pairwise)
    public, own = (signed_in_as(browser, app) for app in (options.backchannel, options.pairwise))
    assert public == identity()["id"] and own and own != public, (public, own)
    assert signed_in_as(sign_in(options.pairwise), options.pairwise) == own, "the same name the next time"
    sign_out(browser)
    ends(browser, options.pairwise)
    ends(browser, options.backchannel)


def by_the_app() -> None:
    """The app asks: the provider's session ends, and the browser comes back by way of the apps of the session."""
    browser = sign_in(options.frontchannel)
    logout = urlencode({"logout": f"{options.frontchannel}/bye"})
    page = browser.open(f"{options.frontchannel}/callback?{logout}", until=f"{options.frontchannel}/bye")
    if not page.arrived:
        assert "/ui/signed-out" in page.url, f"{page.url} ({page.status}): {page.html[:800]}"
        assert f'href="{options.frontchannel}/bye"' in html.unescape(page.html), page.html
    again = browser.http.get(f"{options.provider}/sessions/whoami", headers={"accept": "application/json"})
    assert again.status_code == 401, again.text


check("a session ends when the provider says so over the back channel", back_channel)
check("another session of the same person goes on", back_channel_of_this_session_alone)
check("a session ends when an operator ends it at the provider", operator_ends_it)
check("a session ends when the last page opens the app", front_channel)
check("a session ends by its sid where a frame has no cookies", front_channel_without_cookies)
check("an app knows people by names of its own, and its session ends by them", pairwise)
check("an app signs out at the provider, and the browser comes back", by_the_app)
finish()
