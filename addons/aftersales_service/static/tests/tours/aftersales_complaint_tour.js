import { registry } from "@web/core/registry";
import { stepUtils } from "@web_tour/tour_utils";

function press(name, next) {
    return [
        {
            content: `Press ${name}`,
            trigger: `.o_statusbar_buttons button[name=${name}]`,
            run: "click",
        },
        {
            content: `The complaint is at ${next}`,
            trigger: `.o_statusbar_status .o_arrow_button_current[data-value=${next}]`,
        },
    ];
}

function fill(field, text, tag = "input") {
    return {
        content: `Fill ${field}`,
        trigger: `.o_field_widget[name=${field}] ${tag}`,
        run: `edit ${text}`,
    };
}

function choose(field, label) {
    return [
        fill(field, label),
        {
            content: `Choose ${label}`,
            trigger: `.o_field_widget[name=${field}] .o-autocomplete--dropdown-item:contains(${label}) a`,
            run: "click",
        },
    ];
}

function radio(field, value) {
    return {
        content: `Choose ${value}`,
        trigger: `.o_field_widget[name=${field}] input[data-value=${value}]`,
        run: "click",
    };
}

function now(field) {
    return [
        {
            content: `Open the calendar of ${field}`,
            trigger: `.o_field_widget[name=${field}] input, .o_field_widget[name=${field}] button`,
            run: "click",
        },
        {
            content: "Today",
            trigger: ".o_datetime_picker .o_today",
            run: "click",
        },
    ];
}

function tab(name) {
    return {
        content: `Open the page ${name}`,
        trigger: `.o_notebook_headers a[name=${name}]`,
        run: "click",
    };
}

function tell(text) {
    return [
        tab("contacts"),
        {
            content: "Note what the customer is told; the stage says what for",
            trigger: ".o_field_widget[name=contact_ids] .o_field_x2many_list_row_add a",
            run: "click",
        },
        {
            content: "Whom: who complained, by default",
            trigger: ".modal .o_field_widget[name=contact_name] input:value(Wang Fang)",
        },
        {
            content: "What",
            trigger: ".modal .o_field_widget[name=text] textarea",
            run: `edit ${text}`,
        },
        {
            content: "Keep it",
            trigger: ".modal .o_form_button_save",
            run: "click",
        },
        {
            content: "It is on the list",
            trigger: `body:not(:has(.modal)) .o_field_widget[name=contact_ids] .o_data_row:contains(${text})`,
        },
    ];
}

function openMenu() {
    return [
        ...stepUtils.goToAppSteps("aftersales_service.menu_root", "Open After-sales"),
        {
            content: "Open the section",
            trigger: "[data-menu-xmlid='aftersales_service.menu_care']",
            run: "click",
        },
        {
            content: "Open the complaints",
            trigger: "[data-menu-xmlid='aftersales_service.menu_complaint']",
            run: "click",
        },
        {
            content: "The complaints are there",
            trigger: ".o_list_view .o_list_table th[data-name=severity]",
        },
    ];
}

function openComplaint() {
    return [
        ...openMenu(),
        {
            content: "Open the complaint",
            trigger: ".o_data_cell:contains(Northern Quarry)",
            run: "click",
        },
    ];
}

registry.category("web_tour.tours").add("aftersales_complaint_handle", {
    steps: () => [
        ...openMenu(),
        {
            content: "Register a complaint",
            trigger: ".o_list_button_add",
            run: "click",
        },
        ...choose("card_id", "SN-COMPLAINT"),
        {
            content: "The customer fills himself",
            trigger: ".o_field_widget[name=partner_id] input:value(Northern Quarry)",
        },
        fill("contact_name", "Wang Fang"),
        fill("description", "The boom sinks", "textarea"),
        fill("demand", "A new pump", "textarea"),
        fill("defective_quantity", "1"),
        ...tell("We are coming"),
        ...press("action_record", "judge"),
        tab("judgement"),
        radio("severity", "light"),
        radio("verdict", "founded"),
        fill("verdict_basis", "Photos", "textarea"),
        ...press("action_judge", "assign"),
        ...press("action_assign", "investigate"),
        tab("investigation"),
        ...choose("cause_id", "Tour cause"),
        fill("cause", "Seal turned round", "textarea"),
        ...choose("responsible_department_id", "Tour works"),
        ...press("action_investigate", "propose"),
        tab("solution"),
        fill("measures", "Mark the seal", "textarea"),
        fill("solution", "New pump", "textarea"),
        radio("agreement", "agreed"),
        {
            content: "Who answered fills himself",
            trigger: ".o_field_widget[name=agreed_by] input:value(Wang Fang)",
        },
        {
            content: "How he answered",
            trigger: ".o_field_widget[name=agreement_channel] input",
            run: "click",
        },
        {
            content: "The first one: by phone",
            trigger: ".o_select_menu_item[data-choice-index='0']",
            run: "click",
        },
        ...press("action_propose", "notify"),
        ...tell("A new pump is on its way"),
        ...press("action_notify", "sanction"),
    ],
});

registry.category("web_tour.tours").add("aftersales_complaint_sanction", {
    steps: () => [
        ...openComplaint(),
        {
            content: "Decide",
            trigger: ".o_statusbar_buttons button[name=action_view_sanctions]",
            run: "click",
        },
        {
            content: "A new decision",
            trigger: ".o_list_button_add",
            run: "click",
        },
        fill("note", "A single mistake", "textarea"),
        {
            content: "Save",
            trigger: ".o_form_button_save",
            run: "click",
        },
        {
            content: "Saved",
            trigger: ".o_form_saved",
        },
    ],
});

registry.category("web_tour.tours").add("aftersales_complaint_close", {
    steps: () => [
        ...openComplaint(),
        ...press("action_sanction", "improve"),
        {
            content: "It says what is missing",
            trigger: ".alert .o_field_widget[name=missing]",
        },
        tab("improvement"),
        fill("no_action_reason", "A single case", "textarea"),
        ...now("date_carried_out"),
        ...tell("The pump works"),
        ...press("action_close", "closed"),
        {
            content: "The form is saved",
            trigger: ".o_form_saved",
        },
    ],
});
