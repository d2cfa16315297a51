import { browser } from "@web/core/browser/browser";

/**
 * Return the number in what was scanned: the code itself, or the end of the address in it.
 *
 * Input methods for Chinese may turn what a scanner types into full-width characters.
 */
export function readCode(text) {
    let code = text.normalize("NFKC").trim();
    if (/^https?:\/\//i.test(code)) {
        const path = code.split(/[?#]/)[0].replace(/\/+$/, "");
        code = path.slice(path.lastIndexOf("/") + 1);
        try {
            code = decodeURIComponent(code);
        } catch {
            // not encoded, then
        }
    }
    return code;
}

/**
 * The scans of one return that are not booked yet, and what each of them is.
 *
 * Knows all tags that are expected, so that a scan needs no answer of the server. Every scan is
 * kept in the browser, for this user and return, until it is booked.
 */
export class ScanList {
    constructor(storageKey) {
        this.storageKey = storageKey;
        this.expected = new Map();
        this.scans = new Map(); // key → code, in the order of the scans
        this.strangers = new Map(); // key → {code, kind, text}
        this.counts = {};
        this.restore();
    }

    getKey(code) {
        return code.toUpperCase();
    }

    /** Take over what the server says is on the return; forget scans that are booked by now. */
    setExpected(tags) {
        this.expected = new Map(tags.map((tag) => [this.getKey(tag.name), tag]));
        for (const key of [...this.scans.keys()]) {
            const tag = this.expected.get(key);
            if (!tag || tag.received) {
                const code = this.scans.get(key);
                this.scans.delete(key);
                if (!tag) {
                    this.strangers.set(key, { code, kind: "pending", text: "" });
                }
            }
        }
        for (const key of [...this.strangers.keys()]) {
            const tag = this.expected.get(key);
            if (tag) {
                this.strangers.delete(key);
                if (!tag.received) {
                    this.scans.set(key, tag.name);
                }
            }
        }
        this.save();
    }

    /**
     * Take in one code.
     *
     * @returns {{result: "good"|"repeated"|"received"|"stranger", code: string}}
     */
    add(code) {
        const key = this.getKey(code);
        const tag = this.expected.get(key);
        if (this.scans.has(key)) {
            return { result: "repeated", code: tag.name };
        }
        if (tag?.received) {
            return { result: "received", code: tag.name };
        }
        if (tag) {
            this.scans.set(key, tag.name);
            return { result: "good", code: tag.name };
        }
        if (!this.strangers.has(key)) {
            this.strangers.set(key, { code, kind: "pending", text: "" });
        }
        return { result: "stranger", code };
    }

    remove(code) {
        const key = this.getKey(code);
        this.scans.delete(key);
        this.strangers.delete(key);
        this.save();
    }

    get missing() {
        const missing = [];
        for (const [key, tag] of this.expected) {
            if (!tag.received && !this.scans.has(key)) {
                missing.push(tag);
            }
        }
        return missing;
    }

    get receivedCount() {
        let count = 0;
        for (const tag of this.expected.values()) {
            count += tag.received ? 1 : 0;
        }
        return count;
    }

    restore() {
        let kept = null;
        try {
            kept = JSON.parse(browser.localStorage.getItem(this.storageKey));
        } catch {
            // not ours
        }
        for (const code of kept?.scans || []) {
            this.scans.set(this.getKey(code), code);
        }
        for (const code of kept?.strangers || []) {
            this.strangers.set(this.getKey(code), { code, kind: "pending", text: "" });
        }
        this.counts = kept?.counts || {};
    }

    save() {
        const strangers = [...this.strangers.values()].map((stranger) => stranger.code);
        if (!this.scans.size && !strangers.length && !Object.keys(this.counts).length) {
            browser.localStorage.removeItem(this.storageKey);
            return;
        }
        browser.localStorage.setItem(
            this.storageKey,
            JSON.stringify({ scans: [...this.scans.values()], strangers, counts: this.counts })
        );
    }

    clear() {
        this.scans.clear();
        this.strangers.clear();
        this.counts = {};
        this.save();
    }
}
