import { registry } from "@web/core/registry";
import { stepUtils } from "@web_tour/tour_utils";

registry.category("web_tour.tours").add("aftersales_intake", {
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
            content: "Somebody calls",
            trigger: ".o_list_button_add",
            run: "click",
        },
        {
            content: "Type the number on the display, in another spelling, and go on",
            trigger: ".o_field_widget[name=intake_search] input",
            run: "edit 010-5555 0001 && press Tab",
        },
        {
            content: "It is the customer",
            trigger: ".o_field_widget[name=partner_id] input:value(Northern Quarry)",
        },
        {
            content: "He has two machines: choose the one that is broken",
            trigger: ".o_field_widget[name=card_id] .o_radio_item:contains(INTAKE-2) input",
            run: "click",
        },
        {
            content: "It is covered",
            trigger: ".alert-success .o_field_widget[name=entitlement_text]:contains(Whole machine)",
        },
        {
            content: "Somebody has called about it already",
            trigger: ".alert-warning[name=duplicates] a[href*='/odoo/aftersales.request/']",
        },
        {
            content: "This is something else: note the problem",
            trigger: ".o_field_widget[name=description] textarea",
            run: "edit The brakes fail",
        },
        {
            content: "People are in danger",
            trigger: ".o_field_widget[name=urgency] .o_radio_item:nth-child(3) input",
            run: "click",
        },
        {
            content: "The banner tells what to say first",
            trigger: ".alert-danger[name=danger]",
        },
        {
            content: "Register",
            trigger: ".o_form_button_save",
            run: "click",
        },
        {
            content: "Number and next step are there to be read out",
            trigger: "[name=acknowledgement] .o_field_widget[name=acknowledgement]:contains(SR)",
        },
        {
            content: "The customer knows now",
            trigger: "[name=acknowledgement] button[name=action_acknowledge]",
            run: "click",
        },
        {
            content: "It is recorded",
            trigger: ".o_field_widget[name=date_acknowledged]",
        },
        {
            content: "The form is saved",
            trigger: ".o_form_saved",
        },
    ],
});
