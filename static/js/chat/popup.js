// A menu that opens beside something: it stays inside the window, is walked with the arrow keys, and closes with Escape
// or a press elsewhere.
const EDGE_PX = 8;
const BESIDE_PX = 4;
const ITEMS = '[role^="menuitem"]';
const STEPS = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1 };

export class Popup {
  /** `element` has popover="manual"; `closed()` is called each time it was closed. */
  constructor(element, closed) {
    Object.assign(this, { element, closed });
    element.addEventListener("keydown", (event) => this.pressed(event));
    // The finger whose long press opened it is lifted over an entry: that is no choice of it.
    element.addEventListener("pointerdown", () => (this.pressedHere = true));
    element.addEventListener("click", (event) => {
      if (!this.pressedHere && event.detail > 0) event.stopImmediatePropagation();
    }, true);
    addEventListener("pointerdown", ({ target }) => this.open && !element.contains(target) && this.close(), true);
    addEventListener("resize", () => (innerWidth !== this.width || innerHeight !== this.height) && this.close());
  }

  get open() {
    return this.element.matches(":popover-open");
  }

  get items() {
    return [...this.element.querySelectorAll(ITEMS)].filter((item) => item.checkVisibility());
  }

  /** Opens below `anchor`, or above it where there is more room; a stylesheet may decide otherwise on a small screen. */
  show(anchor) {
    Object.assign(this, { pressedHere: false, width: innerWidth, height: innerHeight });
    this.element.showPopover();
    const { left, right, top, bottom } = anchor.getBoundingClientRect();
    const { offsetWidth: width, offsetHeight: height, style } = this.element;
    const below = bottom + BESIDE_PX + height <= innerHeight - EDGE_PX;
    const wanted = below ? bottom + BESIDE_PX : top - BESIDE_PX - height;
    const beside = Math.min(Math.max(left, right - width), innerWidth - width - EDGE_PX);
    style.left = `${Math.max(EDGE_PX, beside)}px`;
    style.top = `${Math.max(EDGE_PX, Math.min(wanted, innerHeight - height - EDGE_PX))}px`;
    this.items[0]?.focus();
  }

  close() {
    if (!this.open) return;
    this.element.hidePopover();
    this.closed();
  }

  pressed(event) {
    const { items } = this;
    const at = items.indexOf(document.activeElement);
    const by = STEPS[event.key];
    if (event.key === "Escape" || event.key === "Tab") this.close();
    else if (by) items.at((at + by) % items.length)?.focus();
    else if (event.key === "Home") items.at(0)?.focus();
    else if (event.key === "End") items.at(-1)?.focus();
    else if (!this.hit(items, event)) return;
    event.preventDefault();
    event.stopPropagation();
  }

  hit(items, { key, ctrlKey, metaKey, altKey }) {
    const item = !ctrlKey && !metaKey && !altKey && items.find((each) => each.dataset.key === key.toLowerCase());
    item?.click?.();
    return Boolean(item);
  }
}
