// Being called while looking elsewhere: a sound and a notification, each only for whoever asked for it.
import { Preference } from "./preference.js";

const PITCHES_HZ = [660, 880];
const TONE_S = 0.12;

export class Attention {
  constructor(channelTitle) {
    this.title = channelTitle;
    this.sound = new Preference("mention-sound");
    this.notification = new Preference("mention-notification");
    this.shown = new Map(); // notifications by message id
  }

  /** Somebody called this person. */
  called({ id, author, text }) {
    if (!document.hidden && document.hasFocus()) return;
    if (this.sound.on) this.ring();
    if (this.notification.on && window.Notification?.permission === "granted") this.notify(id, author.username, text);
  }

  /** Two soft tones, made here: nothing is fetched. */
  ring() {
    this.audio ??= new AudioContext();
    PITCHES_HZ.forEach((pitch, place) => {
      const tone = new OscillatorNode(this.audio, { frequency: pitch });
      const volume = new GainNode(this.audio, { gain: 0 });
      const from = this.audio.currentTime + place * TONE_S;
      volume.gain.setValueAtTime(0, from);
      volume.gain.linearRampToValueAtTime(0.15, from + 0.02);
      volume.gain.linearRampToValueAtTime(0, from + TONE_S);
      tone.connect(volume).connect(this.audio.destination);
      tone.start(from);
      tone.stop(from + TONE_S);
    });
  }

  notify(id, username, text) {
    const notification = new Notification(`${username} in ${this.title}`, { body: text, tag: `message-${id}` });
    this.shown.set(id, { notification, username });
    notification.onclick = () => {
      window.focus();
      notification.close();
    };
    notification.onclose = () => this.shown.delete(id);
  }

  /** A removed text stays on no screen: `gone(id, username)` says whether it is one. */
  check(gone) {
    for (const [id, { notification, username }] of this.shown) if (gone(id, username)) notification.close();
  }

  /** Asks for leave to notify; true if it was given. */
  async ask() {
    if (!window.Notification) return false;
    return (await Notification.requestPermission()) === "granted";
  }
}
