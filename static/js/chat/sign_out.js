// Why the session ended, and the way back to this very page.
const REASONS = {
  logout: "You signed out in another tab.",
  expired: "Your session has ended.",
  idle: "You were signed out because nothing happened for a while.",
  disabled: "Your account was disabled.",
  revoked: "This session was ended from another place.",
  password_changed: "Your password was changed.",
  role_changed: "Your role has changed.",
};

/** The words for a reason of the server, with a link for signing in that leads back here. */
export function signedOutWords(reason) {
  const link = document.createElement("a");
  link.href = `/login?next=${encodeURIComponent(location.pathname + location.search)}`;
  link.textContent = "Sign in again";
  return [`${REASONS[reason] ?? "You are signed out."} What you wrote is kept. `, link];
}
