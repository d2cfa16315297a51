import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { selectionField, SelectionField } from "@web/views/fields/selection/selection_field";
import { xml } from "@odoo/owl";

const STYLES = { ok: "success", removed: "warning", left: "danger" };

/** The answers of a check as buttons that take one tap, in a line that isn't being edited, too. */
export class CheckResultField extends SelectionField {
    static template = xml`
        <div class="btn-group w-100" role="group">
            <button t-foreach="answers" t-as="answer" t-key="answer.value" type="button"
                class="btn btn-sm" t-att-class="answer.className" t-att-disabled="isClosed"
                t-att-aria-pressed="answer.value === value ? 'true' : 'false'"
                t-att-data-value="answer.value"
                t-on-click.stop.prevent="() => this.answer(answer.value)" t-esc="answer.label"/>
        </div>`;

    get answers() {
        return this.options.map(([value, label]) => ({
            value,
            label,
            className:
                value === this.value
                    ? `btn-${STYLES[value] || "primary"}`
                    : "btn-outline-secondary",
        }));
    }

    get isClosed() {
        return ["done", "cancelled"].includes(this.props.record.data.state);
    }

    answer(value) {
        return this.props.record.update({ [this.props.name]: value });
    }
}

export const checkResultField = {
    ...selectionField,
    component: CheckResultField,
    displayName: _t("Check result"),
    supportedTypes: ["selection"],
};

registry.category("fields").add("aftersales_check_result", checkResultField);
