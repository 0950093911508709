"""What is answered where an owner gives no words of their own: in the languages of the starter templates."""

ANSWER = {
    "en": "Thank you for your message. We will get back to you soon.",
    "es": "Gracias por su mensaje. Le responderemos pronto.",
    "pt_BR": "Obrigado pela sua mensagem. Responderemos em breve.",
    "fr": "Merci pour votre message. Nous vous répondrons bientôt.",
    "de": "Vielen Dank für Ihre Nachricht. Wir antworten Ihnen bald.",
    "id": "Terima kasih atas pesan Anda. Kami akan segera membalas.",
    "ar": "شكرًا لرسالتك. سنرد عليك قريبًا.",
    "hi": "आपके संदेश के लिए धन्यवाद। हम जल्द ही उत्तर देंगे।",
}
AWAY = {
    "en": "Thank you for your message. We are closed right now and will be back {{hours.next_open|soon}}.",
    "es": "Gracias por su mensaje. Ahora estamos cerrados; volvemos {{hours.next_open|pronto}}.",
    "pt_BR": "Obrigado pela sua mensagem. Estamos fechados no momento e voltamos {{hours.next_open|em breve}}.",
    "fr": "Merci pour votre message. Nous sommes fermés en ce moment et serons de retour {{hours.next_open|bientôt}}.",
    "de": "Vielen Dank für Ihre Nachricht. Wir haben gerade geschlossen und sind {{hours.next_open|bald}} wieder da.",
    "id": "Terima kasih atas pesan Anda. Kami sedang tutup dan akan kembali {{hours.next_open|segera}}.",
    "ar": "شكرًا لرسالتك. نحن مغلقون الآن وسنعود {{hours.next_open|قريبًا}}.",
    "hi": "आपके संदेश के लिए धन्यवाद। हम अभी बंद हैं और {{hours.next_open|जल्द ही}} वापस आएँगे।",
}
