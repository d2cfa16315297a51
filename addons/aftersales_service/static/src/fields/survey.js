import { Component } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

/** The questions of a call with a large button for each answer; every click is saved at once. */
export class Survey extends Component {
    static template = "aftersales_service.Survey";
    static props = { ...standardFieldProps };

    get answers() {
        return this.props.record.data[this.props.name].records;
    }

    /** The possible answers to a question that isn't answered in words. */
    getChoices(answer) {
        const { answer_kind: kind, is_overall: isOverall, is_skipped: isSkipped } = answer.data;
        const choices = answer.fields[kind].selection.map(([value, label]) => ({
            label,
            active: !isSkipped && answer.data[kind] === value,
            vals: { [kind]: value, is_skipped: false },
        }));
        if (!isOverall) {
            choices.push({
                label: answer.fields.is_skipped.string,
                active: isSkipped,
                muted: true,
                vals: { is_skipped: true },
            });
        }
        return choices;
    }

    async setAnswer(answer, vals) {
        await answer.update(vals);
        await this.props.record.save();
    }
}

registry.category("fields").add("aftersales_survey", {
    component: Survey,
    supportedTypes: ["one2many"],
    useSubView: true,
});
