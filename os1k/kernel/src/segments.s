# See segments.rs: selectors 0x08 kernel code, 0x10 kernel data, 0x28 the task.

    .text
    .global load_segments, double_fault_entry
load_segments:
    mov eax, [esp + 4]
    lgdt [eax + 2]
    mov eax, 0x10
    mov ds, eax
    mov es, eax
    mov fs, eax
    mov gs, eax
    mov ss, eax
    mov eax, 0x28
    ltr ax
    pop eax
    push 0x08
    push eax
    retf

double_fault_entry:
    clts                        # the task switch disabled the FPU
    call double_fault
