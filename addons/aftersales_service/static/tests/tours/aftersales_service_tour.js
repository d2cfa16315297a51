import { registry } from "@web/core/registry";
import { stepUtils } from "@web_tour/tour_utils";

function choose(field, text) {
    return [
        {
            content: `Type ${text}`,
            trigger: `.o_field_widget[name=${field}] input`,
            run: `edit ${text}`,
        },
        {
            content: `Choose ${text}`,
            trigger: `.o_field_widget[name=${field}] .o-autocomplete--dropdown-item:contains(${text}) a`,
            run: "click",
        },
    ];
}

registry.category("web_tour.tours").add("aftersales_service_request", {
    steps: () => [
        ...stepUtils.goToAppSteps("aftersales_service.menu_root", "Open After-sales"),
        {
            content: "Open the section",
            trigger: "[data-menu-xmlid='aftersales_service.menu_service']",
            run: "click",
        },
        {
            content: "Open the requests",
            trigger: "[data-menu-xmlid='aftersales_service.menu_request']",
            run: "click",
        },
        {
            content: "Start a request",
            trigger: ".o_list_button_add",
            run: "click",
        },
        ...choose("card_id", "TOUR-0001"),
        {
            content: "The customer fills itself",
            trigger: ".o_field_widget[name=partner_id] input:value(Northern Quarry)",
        },
        {
            content: "The entitlement shows",
            trigger: ".alert-success .o_field_widget[name=entitlement_text]:contains(Whole machine)",
        },
        ...choose("center_id", "Center North"),
        {
            content: "Note the problem",
            trigger: ".o_field_widget[name=description] textarea",
            run: "edit The boom sinks",
        },
        {
            content: "Assign; that saves first",
            trigger: ".o_statusbar_buttons button[name=action_assign]",
            run: "click",
        },
        {
            content: "It is assigned: the technician may write his record",
            trigger: ".o_statusbar_buttons button[name=action_create_record]",
        },
        {
            content: "The promise runs",
            trigger: ".o_notebook_headers a[name=deadlines]",
            run: "click",
        },
        {
            content: "Arrival and recovery are promised",
            trigger: ".o_field_widget[name=deadline_ids] .o_data_row:nth-child(2)",
        },
        {
            content: "The form is saved",
            trigger: ".o_form_saved",
        },
    ],
});
