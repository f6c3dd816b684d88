// A form, or one of its buttons, with data-confirm="What will happen?" is sent only after a yes.
function confirmed(event) {
  const question = event.submitter?.dataset.confirm ?? event.target.dataset.confirm;
  if (question && !window.confirm(question)) event.preventDefault();
}

export function askBeforeSubmitting() {
  document.addEventListener("submit", confirmed);
}
