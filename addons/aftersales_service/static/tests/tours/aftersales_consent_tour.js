import { registry } from "@web/core/registry";
import { draw } from "./signature_steps";

function chooseLine(field, text) {
    return [
        {
            content: `Type ${text}`,
            trigger: `.modal .o_selected_row .o_field_widget[name=${field}] input`,
            run: `edit ${text}`,
        },
        {
            content: `Choose ${text}`,
            trigger: `.modal .o_selected_row .o-autocomplete--dropdown-item:contains(${text}) a`,
            run: "click",
        },
    ];
}

registry.category("web_tour.tours").add("aftersales_consent_quote", {
    steps: () => [
        {
            content: "Open quotation and consent",
            trigger: ".o_notebook_headers a[name=consent]",
            run: "click",
        },
        {
            content: "Quote",
            trigger: "button[name=action_quote]",
            run: "click",
        },
        {
            content: "Add a part",
            trigger: ".modal .o_field_x2many_list_row_add a",
            run: "click",
        },
        ...chooseLine("product_id", "Fan belt"),
        {
            content: "The part is charged",
            trigger: ".modal .o_selected_row .o_field_widget[name=amount]:contains(120.00)",
        },
        {
            content: "With the repair fee",
            trigger: ".modal .o_field_widget[name=amount_total]:contains(132.00)",
        },
        {
            content: "Write the quotation",
            trigger: ".modal button[name=action_confirm]",
            run: "click",
        },
        {
            content: "The quotation waits for an answer",
            trigger: "body:not(:has(.modal)) .o_field_widget[name=quotation_amount]:contains(132.00)",
        },
        {
            content: "Take the consent",
            trigger: "button[name=action_open_consent]",
            run: "click",
        },
        {
            content: "What is quoted is explained",
            trigger: ".modal .o_field_widget[name=explanation] textarea:value(Fan belt)",
        },
        {
            content: "Who agreed",
            trigger: ".modal .o_field_widget[name=given_by] input",
            run: "edit Wang Fang",
        },
        {
            content: "Let the customer sign",
            trigger: ".modal .o_field_widget[name=signature] .o_signature",
            run: "click",
        },
        draw(),
        {
            content: "Adopt the signature",
            trigger: ".modal:has(canvas.o_web_sign_signature) .modal-footer .btn-primary:enabled",
            run: "click",
        },
        {
            content: "The signature is there",
            trigger: ".modal .o_field_widget[name=signature] img.img",
        },
        {
            content: "Record the consent",
            trigger: ".modal button[name=action_confirm]",
            run: "click",
        },
        {
            content: "The consent is on the request",
            trigger: "body:not(:has(.modal)) .o_field_widget[name=consent_ids] .o_data_row:contains(Wang Fang)",
        },
    ],
});
