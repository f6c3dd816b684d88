// Forms with data-passkey="create" or "get": asks the server for a challenge, the browser for a passkey or its
// signature, puts the answer into the form and sends it. They stay hidden where that cannot work.
const FAILURES = {
  InvalidStateError: "This device already holds a passkey of your account.",
  NotAllowedError: "Cancelled, or it took too long. Nothing has changed.",
  SecurityError: "Passkeys do not work at this address.",
};

function bytes(base64url) {
  const binary = atob(base64url.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(binary, (character) => character.charCodeAt(0));
}

function base64url(buffer) {
  const binary = String.fromCharCode(...new Uint8Array(buffer));
  return btoa(binary).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

function withIds(descriptors) {
  return descriptors?.map((descriptor) => ({ ...descriptor, id: bytes(descriptor.id) }));
}

/** The options as the browser wants them: bytes where JSON had text. */
function understood(options) {
  const publicKey = { ...options, challenge: bytes(options.challenge) };
  if (options.user) publicKey.user = { ...options.user, id: bytes(options.user.id) };
  if (options.excludeCredentials) publicKey.excludeCredentials = withIds(options.excludeCredentials);
  if (options.allowCredentials) publicKey.allowCredentials = withIds(options.allowCredentials);
  return { publicKey };
}

/** What the browser answered, as JSON. Written out: toJSON() is younger than passkeys are. */
function written({ id, rawId, type, response }) {
  const answer = {};
  for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"]) {
    if (response[name]) answer[name] = base64url(response[name]);
  }
  return JSON.stringify({ id, rawId: base64url(rawId), type, response: answer, clientExtensionResults: {} });
}

async function optionsFor(form) {
  const response = await fetch(form.dataset.options, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRFToken": form.elements.csrf_token.value },
    body: "{}",
    redirect: "error", // signed out meanwhile: no page is an answer here
  });
  const answer = await response.json();
  if (answer.location) location.assign(answer.location);
  return answer.location ? null : answer;
}

async function submitted(event) {
  event.preventDefault();
  const form = event.target;
  const said = form.querySelector("[data-passkey-said]");
  const button = form.querySelector("button");
  button.disabled = true;
  said.textContent = "Follow what your browser asks.";
  try {
    const options = await optionsFor(form);
    if (!options) return;
    form.elements.credential.value = written(await navigator.credentials[form.dataset.passkey](understood(options)));
    form.submit(); // not requestSubmit: this must not come back here
  } catch (error) {
    said.textContent = FAILURES[error.name] ?? "That did not work. Reload the page and try again.";
  } finally {
    button.disabled = false;
  }
}

if (window.isSecureContext && window.PublicKeyCredential) {
  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.hidden = false;
    form.addEventListener("submit", submitted);
  }
  for (const note of document.querySelectorAll("[data-passkey-without]")) note.hidden = true;
}
