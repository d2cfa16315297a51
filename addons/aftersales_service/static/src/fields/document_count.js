import { Component, xml } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

/** A number of documents; a click opens them by the record's method named in the options. */
export class DocumentCount extends Component {
    static template = xml`
        <a t-if="value" href="#" class="o_document_count text-reset text-decoration-underline fw-bold" t-on-click.prevent.stop="open" t-out="value"/>
        <span t-else="" class="text-muted">0</span>`;
    static props = { ...standardFieldProps, method: { type: String } };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
    }

    get value() {
        return this.props.record.data[this.props.name];
    }

    async open() {
        const { resModel, resId } = this.props.record;
        this.action.doAction(await this.orm.call(resModel, this.props.method, [resId]));
    }
}

registry.category("fields").add("aftersales_document_count", {
    component: DocumentCount,
    supportedTypes: ["integer"],
    extractProps: ({ options }) => ({ method: options.method }),
});
