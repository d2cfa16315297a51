import { _t } from "@web/core/l10n/translation";
import { browser } from "@web/core/browser/browser";
import { ConnectionLostError } from "@web/core/network/rpc";
import { hasTouch } from "@web/core/browser/feature_detection";
import { registry } from "@web/core/registry";
import { scanBarcode } from "@web/core/barcode/barcode_dialog";
import { isBarcodeScannerSupported } from "@web/core/barcode/barcode_video_scanner";
import { session } from "@web/session";
import { user } from "@web/core/user";
import { debounce } from "@web/core/utils/timing";
import { useBus, useService } from "@web/core/utils/hooks";
import { Layout } from "@web/search/layout";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";
import { Component, onMounted, onWillStart, onWillUnmount, useRef, useState } from "@odoo/owl";
import { ScanList, readCode } from "./scan_list";
import { ScanSound } from "./scan_sound";

// what a person looks at; a thousand rows would only make the screen slow
const SHOWN = 25;
const MODEL = "aftersales.return";

/** Screen on which logistics receives a return: scans its tags, counts its goods, books once. */
export class Receive extends Component {
    static template = "aftersales_parts.Receive";
    static components = { Layout };
    static props = { ...standardActionServiceProps };

    setup() {
        this.action = useService("action");
        this.orm = useService("orm");
        this.notification = useService("notification");
        this.sound = new ScanSound();
        this.input = useRef("input");
        this.hasCamera = isBarcodeScannerSupported();
        this.scanList = null;
        this.queue = []; // what is scanned while the server works
        this.state = useState({
            step: "find", // then "scan", and "done" when booked
            document: null,
            version: 0, // raised when the scans change, which are not watched one by one
            last: null,
            error: "",
            isBusy: false,
            isMuted: this.sound.isMuted,
            isPasting: false,
            pasted: "",
            condition: "",
            conditionNote: "",
            isExcessConfirmed: false,
            search: "",
            waiting: [],
            booked: null,
        });
        this.findStrangers = debounce(() => this.lookUp(), 250);
        // for scanners that type while nothing that can be typed into has the focus
        useBus(useService("barcode").bus, "barcode_scanned", (ev) =>
            this.onCodes([ev.detail.barcode])
        );
        onWillStart(async () => {
            // the address names the return, so that reloading the page comes back to it
            const id = this.props.resId || this.props.action.params?.return_id;
            await (id ? this.open(id) : this.loadWaiting());
        });
        onMounted(() => this.focus());
        onWillUnmount(() => this.sound.close());
    }

    // --- choose the return -------------------------------------------------------------------

    async loadWaiting() {
        this.state.waiting = await this.orm.searchRead(
            MODEL,
            [["is_awaiting", "=", true]],
            ["name", "center_id", "waybill", "date_shipped", "line_count"],
            { limit: SHOWN, order: "date_shipped" }
        );
    }

    async find(code) {
        await this.guard(async () => {
            const id = await this.orm.call(MODEL, "find_return", [code]);
            await this.open(id);
            if (code.toUpperCase() !== this.state.document.name.toUpperCase()) {
                // found by one of its tags, which lies before the scanner
                this.onCodes([code]);
            }
        });
    }

    async open(id) {
        const document = await this.orm.call(MODEL, "get_receive_data", [[id]]);
        this.scanList = new ScanList(
            `aftersales_parts.receive.${session.db}.${user.userId}.${document.id}`
        );
        this.take(document);
        this.props.updateActionState({ resId: document.id });
        this.state.step = "scan";
        this.state.last = null;
        const kept = this.scanList.scans.size + this.scanList.strangers.size;
        if (kept) {
            this.notification.add(
                _t("%s scans of yours that are not booked yet were kept: go on.", kept),
                { type: "info" }
            );
        }
        this.findStrangers();
    }

    take(document) {
        this.scanList.setExpected(document.tags);
        this.state.document = document;
        this.state.version++;
    }

    // --- scan --------------------------------------------------------------------------------

    /** Take in codes as they were scanned, typed or pasted: nothing is asked of the server. */
    onCodes(texts) {
        const codes = texts.map(readCode).filter(Boolean);
        if (!codes.length) {
            return;
        }
        if (this.state.isBusy) {
            this.queue.push(...texts);
            return;
        }
        if (this.state.step !== "scan") {
            this.find(codes[0]);
            return;
        }
        const isRegister = (code) =>
            code.toUpperCase() === this.state.document.name.toUpperCase();
        const results = codes
            .filter((code) => !isRegister(code))
            .map((code) => this.scanList.add(code));
        if (!results.length) {
            return;
        }
        this.scanList.save();
        const good = results.filter((item) => item.result === "good").length;
        this.state.last =
            results.length === 1
                ? { ...results[0], text: this.getText(results[0]) }
                : {
                      result: good === results.length ? "good" : "stranger",
                      code: _t("%(good)s of %(all)s are good", { good, all: results.length }),
                      text: "",
                  };
        this.state.error = "";
        this.state.version++;
        this.sound.play(
            good === results.length
                ? "good"
                : results.some((item) => item.result === "stranger")
                  ? "wrong"
                  : "repeated"
        );
        if (results.some((item) => item.result === "stranger")) {
            this.findStrangers();
        }
    }

    getText({ result, code }) {
        switch (result) {
            case "good":
                return this.scanList.expected.get(this.scanList.getKey(code)).part;
            case "repeated":
                return _t("Scanned already");
            case "received":
                return _t("Already received and booked");
            default:
                return this.scanList.strangers.get(this.scanList.getKey(code))?.text ||
                    _t("Not on this return: set it aside");
        }
    }

    /** Ask the server, for all at once, what the codes are that don't belong to the return. */
    async lookUp() {
        const strangers = [...(this.scanList?.strangers.values() || [])];
        const pending = strangers.filter((stranger) => stranger.kind === "pending");
        if (!pending.length) {
            return;
        }
        let found = {};
        try {
            found = await this.orm.silent.call(MODEL, "find_tags", [
                [this.state.document.id],
                pending.map((stranger) => stranger.code),
            ]);
        } catch {
            // without an answer they stay what they are: not on this return
            return;
        }
        for (const stranger of pending) {
            [stranger.kind, stranger.text] = found[stranger.code] || ["unknown", ""];
        }
        if (this.state.last?.result === "stranger" && this.state.last.code in found) {
            this.state.last.text = found[this.state.last.code][1];
        }
        this.state.version++;
    }

    onKeydown(ev) {
        // no Enter of an input method that still composes
        if (ev.key === "Enter" && !ev.isComposing) {
            ev.preventDefault();
            const text = ev.target.value;
            ev.target.value = "";
            this.onCodes([text]);
        }
    }

    /** A list in the clipboard is many scans; one line is typed text like any other. */
    onPaste(ev) {
        const text = ev.clipboardData.getData("text");
        if (/[\n\t,;]/.test(text.trim())) {
            ev.preventDefault();
            this.onList(text);
        }
    }

    onList(text) {
        this.onCodes(text.split(/[\s,;，；、]+/));
    }

    addPasted() {
        this.onList(this.state.pasted);
        this.state.pasted = "";
        this.state.isPasting = false;
        this.focus();
    }

    async useCamera() {
        try {
            this.onCodes([await scanBarcode(this.env)]);
        } catch (error) {
            this.state.error = error.message || _t("The camera can't be used.");
        }
    }

    remove(code) {
        this.scanList.remove(code);
        if (this.state.last?.code === code) {
            this.state.last = null;
        }
        this.state.version++;
        this.focus();
    }

    count(line, value) {
        const quantity = value.trim() === "" ? null : Number(value.replace(",", "."));
        if (quantity === null || isNaN(quantity) || quantity < 0) {
            delete this.scanList.counts[line.id];
        } else {
            this.scanList.counts[line.id] = quantity;
        }
        this.state.isExcessConfirmed = false;
        this.scanList.save();
        this.state.version++;
    }

    toggleSound() {
        this.sound.isMuted = this.state.isMuted = !this.state.isMuted;
        this.focus();
    }

    focus() {
        // on a phone the keyboard would cover the screen; its scanners type without a field
        if (!hasTouch()) {
            this.input.el?.focus();
        }
    }

    /** Keep the scanner's field ready, whatever on the screen was clicked. */
    onClick(ev) {
        if (!ev.target.closest("input, textarea, select, button, a, label")) {
            this.focus();
        }
    }

    // --- book --------------------------------------------------------------------------------

    getView() {
        this.state.version;
        const { scanList } = this;
        const needle = this.state.search.trim().toUpperCase();
        const missing = scanList.missing;
        const matching = needle
            ? missing.filter((tag) => `${tag.name} ${tag.part}`.toUpperCase().includes(needle))
            : missing;
        const goods = this.state.document.goods;
        return {
            expected: scanList.expected.size,
            received: scanList.receivedCount,
            scanned: scanList.scans.size,
            scans: [...scanList.scans.values()].slice(-SHOWN).reverse(),
            strangers: [...scanList.strangers.values()].slice(-SHOWN).reverse(),
            strangerCount: scanList.strangers.size,
            missing: matching.slice(0, SHOWN),
            missingCount: missing.length,
            hiddenCount: Math.max(matching.length - SHOWN, 0),
            uncounted: goods.filter((line) => !(line.id in scanList.counts)).length,
            counted: goods.filter((line) => line.id in scanList.counts).length,
            excess: goods.filter((line) => scanList.counts[line.id] > line.shipped).length,
        };
    }

    get soundLabel() {
        return this.state.isMuted ? _t("Sound is off") : _t("Sound is on");
    }

    get moreLabel() {
        return _t("and %s more", this.getView().hiddenCount);
    }

    get receivedLabel() {
        return _t("Booked already: %s", this.getView().received);
    }

    get bookLabel() {
        const { scanned } = this.getView();
        return scanned ? _t("Receive %s tags", scanned) : _t("Receive");
    }

    get bookedLabel() {
        const { scanned, missing } = this.state.booked;
        return _t("%(name)s: %(scanned)s tags booked, %(missing)s missing", {
            name: this.state.document.name,
            scanned,
            missing,
        });
    }

    getShippedLabel(line) {
        return [line.serial, _t("Shipped: %(quantity)s %(unit)s", { quantity: line.shipped, unit: line.unit })]
            .filter(Boolean)
            .join(" · ");
    }

    get canBook() {
        const view = this.getView();
        return !this.state.isBusy && (view.scanned > 0 || view.counted > 0);
    }

    async book() {
        if (!this.canBook) {
            return;
        }
        const { counted, uncounted, excess, scanned } = this.getView();
        if (counted && uncounted) {
            this.state.error = _t(
                "Count all the goods, and enter 0 for what did not arrive, or none of them."
            );
            return;
        }
        if (excess && !this.state.isExcessConfirmed) {
            this.state.error = _t(
                "More was counted than was shipped. Count again, and tick that it is right."
            );
            return;
        }
        const { document, condition, conditionNote, isExcessConfirmed } = this.state;
        const { scanList } = this;
        await this.guard(async () => {
            try {
                await this.orm.call(MODEL, "action_receive", [[document.id]], {
                    tags: [...scanList.scans.values()],
                    quantities: counted ? scanList.counts : null,
                    surplus: [...scanList.strangers.values()].map((stranger) => stranger.code),
                    condition,
                    condition_note: conditionNote,
                    is_excess_confirmed: isExcessConfirmed,
                });
            } catch (error) {
                // somebody else may have booked some of them in the meantime; the others stay
                await this.reload().catch(() => {});
                throw error;
            }
            const missing = scanList.missing.length;
            scanList.clear();
            this.state.booked = { scanned, counted, missing };
            this.state.step = "done";
        });
    }

    async reload() {
        const { id } = this.state.document;
        this.take(await this.orm.call(MODEL, "get_receive_data", [[id]]));
    }

    /** Run ``work`` alone: a second click does nothing. An error is shown and nothing is lost. */
    async guard(work) {
        if (this.state.isBusy) {
            return;
        }
        this.state.isBusy = true;
        this.state.error = "";
        try {
            await work();
        } catch (error) {
            this.sound.play("wrong");
            this.state.error =
                error instanceof ConnectionLostError
                    ? _t("The server can't be reached. Your scans are kept: try again.")
                    : error.data?.message || error.message;
        } finally {
            this.state.isBusy = false;
            browser.setTimeout(() => this.focus());
            this.onCodes(this.queue.splice(0));
        }
    }

    openReturn() {
        return this.action.doAction({
            type: "ir.actions.act_window",
            res_model: MODEL,
            res_id: this.state.document.id,
            views: [[false, "form"]],
        });
    }

    async next() {
        await this.guard(async () => {
            await this.loadWaiting();
            this.props.updateActionState({ resId: undefined });
            this.state.step = "find";
            this.state.last = null;
            this.state.booked = null;
            this.state.condition = "";
            this.state.conditionNote = "";
            this.state.isExcessConfirmed = false;
        });
    }
}

registry.category("actions").add("aftersales_parts.receive", Receive);
