import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useFileUploader } from "@web/core/utils/files";
import {
    Many2ManyBinaryField,
    many2ManyBinaryField,
} from "@web/views/fields/many2many_binary/many2many_binary_field";
import { useRef, useState } from "@odoo/owl";

// files sent by one request, so that the screen can tell how far it is
const BATCH = 20;
// names shown; hundreds would only make the screen long
const SHOWN = 12;

/** Files dropped on a field, or chosen, as many as there are. */
export class FileDropField extends Many2ManyBinaryField {
    static template = "aftersales_parts.FileDropField";

    setup() {
        super.setup();
        this.uploadFiles = useFileUploader();
        this.input = useRef("input");
        this.state = useState({ isOver: false, sent: 0, total: 0 });
    }

    get shownFiles() {
        return this.files.slice(0, SHOWN);
    }

    get moreText() {
        const more = this.files.length - SHOWN;
        return more > 0 ? _t("and %s more", more) : "";
    }

    get progress() {
        return Math.round((100 * this.state.sent) / this.state.total);
    }

    onChosen(ev) {
        const files = [...ev.target.files];
        // the same files can be chosen again
        ev.target.value = null;
        return this.upload(files);
    }

    onDrop(ev) {
        this.state.isOver = false;
        return this.upload([...ev.dataTransfer.files]);
    }

    async upload(files) {
        if (this.props.readonly || this.state.total || !files.length) {
            return;
        }
        this.state.total = files.length;
        try {
            for (let at = 0; at < files.length; at += BATCH) {
                const sent = await this.uploadFiles("/web/binary/upload_attachment", {
                    csrf_token: odoo.csrf_token,
                    model: this.props.record.resModel,
                    id: 0,
                    ufile: files.slice(at, at + BATCH),
                });
                await this.onFileUploaded(sent || []);
                this.state.sent = Math.min(at + BATCH, files.length);
            }
        } finally {
            Object.assign(this.state, { sent: 0, total: 0 });
        }
    }

    async onFileUploaded(files) {
        for (const { error } of files.filter((file) => file.error)) {
            this.notification.add(error, { title: _t("Uploading error"), type: "danger" });
        }
        await this.operations.saveRecord(
            files.filter((file) => !file.error).map((file) => file.id)
        );
    }
}

registry.category("fields").add("aftersales_file_drop", {
    ...many2ManyBinaryField,
    component: FileDropField,
});
