import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { getDataURLFromFile } from "@web/core/utils/urls";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";
import { Component, useState, xml } from "@odoo/owl";

/**
 * Takes photos with the camera, or from the files, and adds them to the record: as records of
 * `model`, whose field `inverse` names the record.
 */
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
        kind: { type: String, optional: true },
        title: String,
        model: { type: String, optional: true },
        inverse: { type: String, optional: true },
    };
    static defaultProps = {
        model: "aftersales.service.record.photo",
        inverse: "record_id",
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
                const vals = { [this.props.inverse]: record.resId, image: image || "" };
                if (this.props.kind) {
                    vals.kind = this.props.kind;
                }
                await this.orm.create(this.props.model, [vals]);
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
    extractProps: ({ attrs }) => ({
        kind: attrs.kind,
        title: attrs.title,
        model: attrs.model,
        inverse: attrs.inverse,
    }),
});
