import { registry } from "@web/core/registry";
import { uniqueId } from "@web/core/utils/functions";
import { getFieldDomain } from "@web/model/relational_model/utils";
import { RadioField, radioField } from "@web/views/fields/radio/radio_field";
import { useSpecialData } from "@web/views/fields/relational_utils";

/** Offers warranty cards with owner and product, so that the clerk can ask the caller for them. */
export class CardChoice extends RadioField {
    setup() {
        this.id = uniqueId("card_choice_");
        this.type = "many2one";
        this.specialData = useSpecialData(async (orm, props) => {
            const { relation } = props.record.fields[props.name];
            const domain = getFieldDomain(props.record, props.name, props.domain);
            const { records } = await orm.call(relation, "web_search_read", [], {
                specification: { display_name: 1 },
                domain,
                context: { show_owner: true },
            });
            return records.map((record) => [record.id, record.display_name]);
        });
    }

    /** The field itself shows the card without owner. */
    async onChange([id]) {
        await this.props.record.update({ [this.props.name]: { id } });
    }
}

registry.category("fields").add("aftersales_card_choice", {
    ...radioField,
    component: CardChoice,
    supportedTypes: ["many2one"],
});
