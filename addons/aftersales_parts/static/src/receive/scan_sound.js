import { browser } from "@web/core/browser/browser";

const MUTED = "aftersales_parts.receive.muted";
// [frequency in Hz, start and length in seconds] of the tones
const TONES = {
    good: [[1320, 0, 0.07]],
    repeated: [
        [660, 0, 0.07],
        [660, 0.11, 0.07],
    ],
    wrong: [[196, 0, 0.35]],
};

/** Beeps, so that whoever scans needn't look at the screen. Can be muted in each browser. */
export class ScanSound {
    constructor() {
        this.context = null;
    }

    get isMuted() {
        return browser.localStorage.getItem(MUTED) === "1";
    }

    set isMuted(value) {
        browser.localStorage.setItem(MUTED, value ? "1" : "0");
    }

    play(kind) {
        const AudioContext = window.AudioContext || window.webkitAudioContext;
        if (this.isMuted || !AudioContext) {
            return;
        }
        this.context ||= new AudioContext();
        for (const [frequency, start, length] of TONES[kind]) {
            const oscillator = this.context.createOscillator();
            const gain = this.context.createGain();
            oscillator.frequency.value = frequency;
            gain.gain.value = 0.15;
            oscillator.connect(gain).connect(this.context.destination);
            oscillator.start(this.context.currentTime + start);
            oscillator.stop(this.context.currentTime + start + length);
        }
    }

    close() {
        this.context?.close();
    }
}
