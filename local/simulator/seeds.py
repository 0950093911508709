"""Templates that every WABA of a new simulator has, approved; in the shape in which one creates them."""

from collections.abc import Mapping
from typing import Any

Template = Mapping[str, Any]

SEEDS: tuple[Template, ...] = (
    {
        "name": "hello_world",
        "language": "en_US",
        "category": "UTILITY",
        "components": [
            {"type": "HEADER", "format": "TEXT", "text": "Hello World"},
            {"type": "BODY", "text": "This is a first message, to see that sending works."},
            {"type": "FOOTER", "text": "WhatsApp Business Platform sample message"},
        ],
    },
    {
        "name": "we_are_here",
        "language": "en_US",
        "category": "UTILITY",
        "components": [
            {
                "type": "BODY",
                "text": "Hello {{1}}, we have an answer to your question. Please reply to read it.",
                "example": {"body_text": [["Ana"]]},
            },
            {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Show me"}]},
        ],
    },
    {
        "name": "we_are_here",
        "language": "es",
        "category": "UTILITY",
        "components": [
            {
                "type": "BODY",
                "text": "Hola {{1}}, tenemos una respuesta a tu pregunta. Responde para leerla.",
                "example": {"body_text": [["Ana"]]},
            },
            {"type": "BUTTONS", "buttons": [{"type": "QUICK_REPLY", "text": "Mostrar"}]},
        ],
    },
    {
        "name": "order_on_its_way",
        "language": "en_US",
        "category": "UTILITY",
        "parameter_format": "NAMED",
        "components": [
            {
                "type": "BODY",
                "text": "Good news, {{customer}}: your order {{order_number}} has left us and is on its way.",
                "example": {
                    "body_text_named_params": [
                        {"param_name": "customer", "example": "Ana"},
                        {"param_name": "order_number", "example": "A-1042"},
                    ]
                },
            }
        ],
    },
    {
        "name": "seasonal_offer",
        "language": "en_US",
        "category": "MARKETING",
        "components": [
            {
                "type": "BODY",
                "text": "Hi {{1}}, this week everything in our shop costs less. Reply STOP for no more.",
                "example": {"body_text": [["Ana"]]},
            }
        ],
    },
)
