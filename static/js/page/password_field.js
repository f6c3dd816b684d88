// <button data-show-password="id" hidden>: shows what is typed in that password field, and hides it again.
export function offerShowing() {
  for (const button of document.querySelectorAll("[data-show-password]")) {
    const field = document.getElementById(button.dataset.showPassword);
    const show = (visible) => {
      field.type = visible ? "text" : "password";
      button.setAttribute("aria-pressed", String(visible));
    };
    button.hidden = false;
    button.addEventListener("click", () => show(field.type === "password"));
    // A browser that remembers form texts must not remember this one.
    field.form?.addEventListener("submit", () => show(false));
  }
}
