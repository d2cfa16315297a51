import { registry } from "@web/core/registry";
import { stepUtils } from "@web_tour/tour_utils";

function answer(number, position) {
    const button = `[data-question="${number}"] button:nth-child(${position})`;
    return [
        {
            content: `Answer question ${number}`,
            trigger: button,
            run: "click",
        },
        {
            content: "The answer is chosen and saved",
            trigger: `${button}[aria-pressed=true]`,
        },
        {
            content: "Nothing is left to save",
            trigger: ".o_form_saved",
        },
    ];
}

registry.category("web_tour.tours").add("aftersales_service_callback", {
    steps: () => [
        ...stepUtils.goToAppSteps("aftersales_service.menu_root", "Open After-sales"),
        {
            content: "Open the section",
            trigger: "[data-menu-xmlid='aftersales_service.menu_care']",
            run: "click",
        },
        {
            content: "Open the callbacks",
            trigger: "[data-menu-xmlid='aftersales_service.menu_callback']",
            run: "click",
        },
        {
            content: "Open the call",
            trigger: ".o_data_row td[name=partner_id]:contains(Tour quarry)",
            run: "click",
        },
        {
            content: "The number to call is on top",
            trigger: ".oe_title .o_field_widget[name=phone] input:value(+86 10 5555 0042)",
        },
        {
            content: "Nobody answers",
            trigger: "button[name=action_no_answer]",
            run: "click",
        },
        {
            content: "The attempt is kept",
            trigger: ".o_notebook_headers a[name=attempts]",
        },
        {
            content: "Later somebody answers",
            trigger: "button[name=action_start]",
            run: "click",
        },
        {
            content: "The questions show",
            trigger: ".o_notebook_headers a[name=answers]",
            run: "click",
        },
        // from “Very satisfied” to “Very dissatisfied”; the sixth is “Doesn't apply”
        ...answer(1, 1),
        ...answer(2, 2),
        ...answer(3, 6),
        ...answer(4, 2),
        ...answer(5, 2),
        {
            content: "Close the call",
            trigger: "button[name=action_reached]",
            run: "click",
        },
        {
            content: "The call is closed",
            trigger: ".o_statusbar_status button[data-value=done].o_arrow_button_current",
        },
        {
            content: "It can be answered no more",
            trigger: '[data-question="1"] button[disabled]',
        },
    ],
});
