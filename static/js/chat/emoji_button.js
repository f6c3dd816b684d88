// The button that opens the emoji picker. The picker and its list are fetched at the first press.
export class EmojiButton {
  /** `chosen(emoji)` puts one into the box. */
  constructor({ button, input, chosen, failed }) {
    Object.assign(this, { button, input, chosen, failed });
    button.addEventListener("click", () => this.toggle());
  }

  async toggle() {
    try {
      const { EmojiPicker } = await import("./emoji_picker.js");
      this.picker ??= await EmojiPicker.make(this);
    } catch {
      this.failed("The emoji did not come. Try again.");
      return;
    }
    if (this.picker.open) this.picker.close();
    else this.picker.show();
  }
}
