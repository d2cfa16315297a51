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

function answer(text) {
    return [
        {
            content: `Answer ${text}`,
            trigger: `.o_field_widget[name=answer_id] label:contains(${text})`,
            run: "click",
        },
        {
            content: "Go on",
            trigger: "button[name=action_next]",
            run: "click",
        },
    ];
}

registry.category("web_tour.tours").add("aftersales_exchange_assessment", {
    steps: () => [
        ...stepUtils.goToAppSteps("aftersales_service.menu_root", "Open After-sales"),
        {
            content: "Open the section",
            trigger: "[data-menu-xmlid='aftersales_service.menu_warranty']",
            run: "click",
        },
        {
            content: "Open the assessments",
            trigger: "[data-menu-xmlid='aftersales_service.menu_exchange_assessment']",
            run: "click",
        },
        {
            content: "They are listed",
            trigger: ".o_list_view th[data-name=verdict]",
        },
        {
            content: "Start an assessment",
            trigger: ".o_list_button_add",
            run: "click",
        },
        ...choose("product_id", "Tour lamp"),
        ...choose("partner_id", "Northern Quarry"),
        {
            content: "The first question is asked",
            trigger: ".o_field_widget[name=question_id]:contains(Is it lit?)",
        },
        ...answer("Dark"),
        {
            content: "The cap is asked for, with a photo",
            trigger: ".o_field_widget[name=question_id]:contains(Is the cap new?)",
        },
        {
            content: "Go back",
            trigger: "button[name=action_back]",
            run: "click",
        },
        {
            content: "The first question is asked again",
            trigger: ".o_field_widget[name=question_id]:contains(Is it lit?)",
        },
        ...answer("Bright"),
        {
            content: "The verdict stands in the banner, with its reason",
            trigger: ".alert-danger .o_field_widget[name=reason]:contains(It still works)",
        },
        {
            content: "Confirm",
            trigger: "button[name=action_done]",
            run: "click",
        },
        {
            content: "It is decided",
            trigger: ".o_statusbar_status button[data-value=done].o_arrow_button_current",
        },
        {
            content: "The form is saved",
            trigger: ".o_form_saved",
        },
    ],
});
