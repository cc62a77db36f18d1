// Asks poulpe. Never shows anything: a refusal is an error with poulpe's own words. The token is asked for when it is
// wanted and kept for this tab only.
"use strict";

const TOKEN = "poulpe-token";

class Refused extends Error {
  constructor(status, answer) {
    super(answer?.reason || `HTTP ${status}`);
    this.status = status;
    this.answer = answer;
  }
}

function keptToken() {
  try { return sessionStorage.getItem(TOKEN); } catch { return null; }
}

let asking = null;

/** One dialog however many requests want it. */
function askToken(wasWrong) {
  asking ??= new Promise((given) => {
    const dialog = document.getElementById("token-asked");
    const field = document.getElementById("token");
    if (wasWrong) alarm(word("token_wrong"));
    field.value = "";
    dialog.addEventListener("close", () => {
      try { sessionStorage.setItem(TOKEN, field.value); } catch { /* then it is asked for again */ }
      asking = null;
      given(field.value);
    }, { once: true });
    dialog.showModal();
    field.focus();
  });
  return asking;
}

/** The answer as a value. 4xx and 5xx throw, `okay` lists those that don't. */
async function ask(method, path, body, okay = []) {
  let token = keptToken();
  for (;;) {
    const headers = {};
    if (token) headers.Authorization = `Bearer ${token}`;
    if (body !== undefined) headers["Content-Type"] = "application/json";
    const response = await fetch(path, {
      method, headers, cache: "no-store", credentials: "omit",
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    if (response.status === 401) {
      token = await askToken(Boolean(token));
      continue;
    }
    let answer = null;
    try { answer = await response.json(); } catch { /* the status says enough */ }
    if (!response.ok && !okay.includes(response.status)) throw new Refused(response.status, answer);
    return answer;
  }
}

const get = (path, okay) => ask("GET", path, undefined, okay);
const inPath = (id) => encodeURIComponent(id);
