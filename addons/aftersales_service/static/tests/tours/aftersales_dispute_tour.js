import { registry } from "@web/core/registry";
import { stepUtils } from "@web_tour/tour_utils";

function openDispute() {
    return [
        ...stepUtils.goToAppSteps("aftersales_service.menu_root", "Open After-sales"),
        {
            content: "Open the section",
            trigger: "[data-menu-xmlid='aftersales_service.menu_care']",
            run: "click",
        },
        {
            content: "Open the disputes",
            trigger: "[data-menu-xmlid='aftersales_service.menu_dispute']",
            run: "click",
        },
        {
            content: "Open the dispute",
            trigger: ".o_data_row .o_data_cell:contains(Charged for nothing)",
            run: "click",
        },
    ];
}

function press(name) {
    return {
        content: `Press ${name}`,
        trigger: `.o_form_view:not(.modal *) button[name=${name}]:enabled`,
        run: "click",
    };
}

function fill(field, text, tag = "textarea") {
    return {
        content: `Fill in ${field}`,
        trigger: `.o_field_widget[name=${field}] ${tag}`,
        run: `edit ${text}`,
    };
}

function inState(state) {
    return {
        content: `It is ${state}`,
        trigger: `.o_statusbar_status button[data-value=${state}].o_arrow_button_current`,
    };
}

registry.category("web_tour.tours").add("aftersales_dispute_open", {
    steps: () => [
        {
            content: "Dispute the request",
            trigger: "button[name=action_new_dispute]",
            run: "click",
        },
        {
            content: "The parties fill themselves",
            trigger: ".o_field_widget[name=partner_id]:contains(Northern Quarry)",
        },
        fill("reason", "Charged for nothing"),
        {
            content: "Save",
            trigger: ".o_form_button_save",
            run: "click",
        },
        {
            content: "It has a deadline",
            trigger: ".o_field_widget[name=date_due]",
        },
        inState("new"),
    ],
});

registry.category("web_tour.tours").add("aftersales_dispute_mediate", {
    steps: () => [
        ...openDispute(),
        press("action_take_up"),
        inState("mediation"),
        press("action_open_mediate"),
        fill("offer", "Half is paid back"),
        {
            content: "The customer refuses",
            trigger: ".modal .o_field_widget[name=customer_answer] input[data-value=refused]",
            run: "click",
        },
        {
            content: "Log it",
            trigger: ".modal button[name=action_confirm]",
            run: "click",
        },
        {
            content: "It is in the log",
            trigger: ".o_field_widget[name=mediation_ids]:contains(Half is paid back)",
        },
        press("action_open_escalate"),
        {
            content: "Say why",
            trigger: ".modal .o_field_widget[name=reason] textarea",
            run: "edit No agreement",
        },
        {
            content: "Confirm",
            trigger: ".modal button[name=action_confirm]",
            run: "click",
        },
        inState("escalated"),
    ],
});

registry.category("web_tour.tours").add("aftersales_dispute_rule", {
    steps: () => [
        ...openDispute(),
        press("action_open_rule"),
        {
            content: "In favor of the customer",
            trigger: ".modal .o_field_widget[name=favor] input[data-value=customer]",
            run: "click",
        },
        fill("ruling", "All is paid back"),
        {
            content: "Give the reasons",
            trigger: ".modal .o_field_widget[name=reason] textarea",
            run: "edit No consent was asked for",
        },
        {
            content: "Type the article",
            trigger: ".modal .o_field_widget[name=regulation_id] input",
            run: "edit L1.7",
        },
        {
            content: "Choose the article",
            trigger: ".modal .o_field_widget[name=regulation_id] .o-autocomplete--dropdown-item:contains(L1.7) a",
            run: "click",
        },
        {
            content: "Give the ruling",
            trigger: ".modal button[name=action_confirm]",
            run: "click",
        },
        inState("ruled"),
        {
            content: "The ruling stands in the banner",
            trigger: ".alert-info:contains(All is paid back)",
        },
        {
            content: "What was disputed can't be changed any more",
            trigger: ".o_field_widget[name=reason].o_readonly_modifier",
        },
    ],
});
