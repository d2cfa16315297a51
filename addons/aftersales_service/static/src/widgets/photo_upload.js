import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { getDataURLFromFile } from "@web/core/utils/urls";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";
import { Component, useState, xml } from "@odoo/owl";

/** Takes photos of one kind with the camera, or from the files, and adds them to the record. */
export class PhotoUpload extends Component {
    static template = xml`
        <label class="btn btn-secondary" t-att-class="{ disabled: state.busy }"
            t-att-data-kind="props.kind">
            <i class="fa me-1" t-att-class="state.busy ? 'fa-spinner fa-spin' : 'fa-camera'"
                role="presentation"/>
            <t t-esc="props.title"/>
            <input type="file" class="d-none" accept="image/*" multiple="multiple"
                t-on-change="onChange"/>
        </label>`;
    static props = {
        ...standardWidgetProps,
        kind: String,
        title: String,
    };

    setup() {
        this.orm = useService("orm");
        this.notification = useService("notification");
        this.state = useState({ busy: false });
    }

    async onChange(ev) {
        const files = [...ev.target.files];
        const record = this.props.record;
        this.state.busy = true;
        try {
            if (!files.length || !(await record.save())) {
                return;
            }
            for (const file of files) {
                const image = (await getDataURLFromFile(file)).split(",")[1];
                await this.orm.create("aftersales.service.record.photo", [
                    { record_id: record.resId, kind: this.props.kind, image: image || "" },
                ]);
            }
            this.notification.add(_t("Photos added: %s", files.length), { type: "success" });
        } finally {
            ev.target.value = "";
            this.state.busy = false;
            await record.load();
        }
    }
}

registry.category("view_widgets").add("aftersales_photo_upload", {
    component: PhotoUpload,
    extractProps: ({ attrs }) => ({ kind: attrs.kind, title: attrs.title }),
});
