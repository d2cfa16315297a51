import { registry } from "@web/core/registry";

function scan(code) {
    return [
        {
            content: `Scan ${code}`,
            trigger: ".o_aftersales_scan",
            run: `edit ${code} && press Enter`,
        },
    ];
}

function expectLast(result, code) {
    return {
        content: `${code} is ${result}`,
        trigger: `.o_aftersales_last.o_aftersales_${result}:contains(${code})`,
    };
}

registry.category("web_tour.tours").add("aftersales_parts_receive", {
    steps: () => [
        {
            content: "Choose the return by the code on its register",
            trigger: ".o_aftersales_scan",
            run: async ({ anchor }) => {
                // a register's code may be an address
                anchor.value = `https://example.com/r/${anchor
                    .closest(".o_aftersales_receive")
                    .querySelector(".list-group-item .fw-bold").textContent}`;
                anchor.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
            },
        },
        {
            content: "The screen knows what is expected",
            trigger: ".o_aftersales_missing_count:contains(3)",
        },
        {
            content: "Scan the tag that is shown as missing first",
            trigger: ".o_aftersales_scan",
            run: ({ anchor }) => {
                window.tourTag = document.querySelectorAll(
                    ".o_aftersales_receive .col-md-6:last-child .fw-bold"
                )[0].textContent;
                anchor.value = window.tourTag.toLowerCase();
                anchor.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
            },
        },
        {
            content: "It is good",
            trigger: ".o_aftersales_last.o_aftersales_good",
        },
        {
            content: "Scan it again",
            trigger: ".o_aftersales_scan",
            run: ({ anchor }) => {
                anchor.value = window.tourTag;
                anchor.dispatchEvent(new KeyboardEvent("keydown", { key: "Enter", bubbles: true }));
            },
        },
        {
            content: "It was scanned already",
            trigger: ".o_aftersales_last.o_aftersales_repeated",
        },
        ...scan("XYZ-99"),
        expectLast("stranger", "XYZ-99"),
        {
            content: "The server doesn't know it either",
            trigger: ".o_aftersales_stranger[data-kind='unknown']",
        },
        {
            content: "Paste the other tags as a list",
            trigger: ".o_aftersales_paste",
            run: "click",
        },
        {
            content: "Fill the list with all that is missing",
            trigger: "textarea",
            run: ({ anchor }) => {
                const tags = document.querySelectorAll(
                    ".o_aftersales_receive .col-md-6:last-child .fw-bold"
                );
                anchor.value = [...tags].map((tag) => tag.textContent).join("\n");
                anchor.dispatchEvent(new Event("input", { bubbles: true }));
            },
        },
        {
            content: "Add them",
            trigger: ".o_aftersales_add",
            run: "click",
        },
        {
            content: "All are scanned",
            trigger: ".o_aftersales_scanned:contains(3)",
        },
        {
            content: "Undo the last scan",
            trigger: ".o_aftersales_undo",
            run: "click",
        },
        {
            content: "Two are left; reload the page before they are booked",
            trigger: ".o_aftersales_scanned:contains(2)",
            run: () => window.location.reload(),
            expectUnloadPage: true,
        },
        {
            content: "The scans are still there after reloading",
            trigger: ".o_aftersales_scanned:contains(2)",
        },
        {
            content: "So is what was set aside",
            trigger: ".o_aftersales_stranger_count:contains(1)",
        },
        {
            content: "The cartons were wet",
            trigger: ".o_aftersales_condition",
            run: "select wet",
        },
        {
            content: "Book, with two clicks",
            trigger: ".o_aftersales_book button",
            run: ({ anchor }) => {
                anchor.click();
                anchor.click();
            },
        },
        {
            content: "Booked; look at the return",
            trigger: ".o_aftersales_open",
            run: "click",
        },
        {
            content: "It is received",
            trigger: ".o_statusbar_status .o_arrow_button_current[data-value='received']",
        },
    ],
});

registry.category("web_tour.tours").add("aftersales_parts_receive_goods", {
    steps: () => [
        {
            content: "Two more are there than were shipped",
            trigger: ".o_aftersales_goods input",
            run: "edit 12",
        },
        {
            content: "Book",
            trigger: ".o_aftersales_book button:enabled",
            run: "click",
        },
        {
            content: "Nothing is booked before the count is confirmed",
            trigger: ".o_aftersales_error",
        },
        {
            content: "Confirm it",
            trigger: ".o_aftersales_excess",
            run: "check",
        },
        {
            content: "Book again",
            trigger: ".o_aftersales_book button:enabled",
            run: "click",
        },
        {
            content: "Booked",
            trigger: ".o_aftersales_open",
        },
    ],
});
