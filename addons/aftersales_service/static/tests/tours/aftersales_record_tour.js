import { registry } from "@web/core/registry";
import { draw } from "./signature_steps";

const field = (name) => `.o_field_widget[name=${name}]`;

function type(name, text, tag = "input") {
    return {
        content: `Fill in ${name}`,
        trigger: `${field(name)} ${tag}`,
        run: `edit ${text}`,
    };
}

function rate(name) {
    return {
        content: `Rate ${name}`,
        trigger: `.modal ${field(name)} input[data-value='5']`,
        run: "click",
    };
}

// on a phone: from the arrival to the valid record, in the order of the work
registry.category("web_tour.tours").add("aftersales_service_record", {
    steps: () => [
        {
            content: "What is missing is told on top",
            trigger: `.alert ${field("missing")}`,
        },
        {
            content: "Note the arrival with one tap",
            trigger: ".o_aftersales_sticky button[name=action_arrive]",
            run: "click",
        },
        {
            content: "Arrival is noted, signing comes next",
            trigger: ".o_aftersales_sticky button[name=action_open_sign]",
        },
        type("nameplate", "TOUR-0003"),
        type("fault", "The boom sinks", "textarea"),
        type("cause", "Worn pump", "textarea"),
        {
            content: "Open the choice of responsibility",
            trigger: `${field("responsibility")} select, ${field("responsibility")} input`,
            run: "click",
        },
        {
            content: "The product is responsible",
            trigger: ".o_select_menu_item:first",
            run: "click",
        },
        type("work_done", "Pump set", "textarea"),
        {
            content: "It was explained",
            trigger: `${field("explained")} input`,
            run: "click",
        },
        {
            content: "No parts",
            trigger: `${field("no_parts")} input`,
            run: "click",
        },
        {
            content: "The brakes are in order, with one tap",
            trigger: `${field("check_ids")} .o_kanban_record:contains(Brakes) button[data-value=ok]`,
            run: "click",
        },
        {
            content: "The answer shows",
            trigger: `${field("check_ids")} .o_kanban_record:contains(Brakes) button[aria-pressed=true]`,
        },
        {
            content: "Note the end of the work",
            trigger: ".o_aftersales_sticky button[name=action_finish]",
            run: "click",
        },
        {
            content: "Nothing is missing any more",
            trigger: `${field("preflight")}:not(:has(.fa-times-circle))`,
        },
        {
            content: "Hand the phone to the customer",
            trigger: ".o_aftersales_sticky button[name=action_open_sign]",
            run: "click",
        },
        {
            content: "The customer reads what was done",
            trigger: `.modal ${field("work_done")}:contains(Pump set)`,
        },
        rate("content_rating"),
        rate("quality_rating"),
        rate("attitude_rating"),
        {
            content: "Type the name",
            trigger: `.modal ${field("signed_by")} input`,
            run: "edit Wang Fang",
        },
        {
            content: "Open the signature pad",
            trigger: `.modal ${field("signature")} .o_signature`,
            run: "click",
        },
        draw(),
        {
            content: "Adopt the signature",
            trigger: ".modal:has(.o_web_sign_name_and_signature) footer .btn-primary:enabled",
            run: "click",
        },
        {
            content: "The signature is on the pad",
            trigger: `.modal ${field("signature")} img`,
        },
        {
            content: "Sign",
            trigger: ".modal footer button[name=action_sign]",
            run: "click",
        },
        {
            content: "Make it valid",
            trigger: ".o_aftersales_sticky button[name=action_done]",
            run: "click",
        },
        {
            content: "It is valid and stays as it is",
            trigger: "body:not(:has(.o_aftersales_sticky button)) .o_form_view",
        },
    ],
});
