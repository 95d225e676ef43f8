# Commands for gdb on a guest of the VMM: `help vmm` lists them. The VMM names this file where it
# waits for gdb (gdb -x FILE); with `source FILE` it can be read later, too. Addresses are linear.

define vmm
  help vmm
end
document vmm
Commands for a guest of the VMM:
  rm-code [COUNT]   the next instructions, at CS:IP
  rm-stack [COUNT]  words of a 16-bit stack, at SS:SP
  ivt [COUNT]       vectors of real mode, from 0 on
  gdt, idt, pages   tables of protected mode, in words
  devices           interrupt controllers, timer and keyboard, in words
  back-to-write ADDRESS [LENGTH]
                    goes back to before the last write there
`monitor help` lists what else the VMM can be asked. reverse-continue, reverse-step and the like go
back in time, on the software CPU.
end

define rm-code
  if $argc == 0
    monitor x/8i
  else
    monitor x/$arg0i
  end
end
document rm-code
rm-code [COUNT]: the next instructions, at CS:IP, as the processor is going to read them: 16-bit code in
real mode, whatever gdb's architecture is.
end

define vmm-rm-stack
  printf "ss:sp = %04x:%04x\n", $ss & 0xffff, (unsigned int) $esp & 0xffff
  x/$arg0xh $ss_base + ((unsigned int) $esp & 0xffff)
end
document vmm-rm-stack
vmm-rm-stack COUNT: what rm-stack shows.
end

define rm-stack
  if $argc == 0
    with language c -- vmm-rm-stack 8
  else
    with language c -- vmm-rm-stack $arg0
  end
end
document rm-stack
rm-stack [COUNT]: words of a 16-bit stack, at SS:SP.
end

define vmm-ivt
  set $vector = 0
  while $vector < $arg0
    set $target = *(unsigned int *)(4 * $vector)
    printf "%02x  %04x:%04x\n", $vector, $target >> 16, $target & 0xffff
    set $vector = $vector + 1
  end
end
document vmm-ivt
vmm-ivt COUNT: what ivt shows.
end

define ivt
  if $argc == 0
    with language c -- vmm-ivt 32
  else
    with language c -- vmm-ivt $arg0
  end
end
document ivt
ivt [COUNT]: vectors of real mode, segment:offset, from 0 on; 32 of the 256 by default.
end

define gdt
  monitor info gdt
end
document gdt
gdt: the descriptors of the GDT, in words.
end

define idt
  monitor info idt
end
document idt
idt: the gates of the IDT, in words.
end

define pages
  monitor info pages
end
document pages
pages: ranges of mapped pages.
end

define devices
  monitor info pic
  monitor info pit
  monitor info kbd
end
document devices
devices: interrupt controllers, timer and keyboard, in words.
end

define back-to-write
  if $argc < 2
    monitor last-write $arg0
  else
    monitor last-write $arg0 $arg1
  end
  maintenance flush register-cache
end
document back-to-write
back-to-write ADDRESS [LENGTH]: goes back to before the last write there. ADDRESS is an expression of
the VMM's monitor: a symbol, a register or a number.
end

# gdb asks before one of its own commands becomes another.
set $vmm_confirm = $_gdb_setting("confirm")
set confirm off
define load
  echo The VMM has loaded the kernel already. After a build, start the VMM again.\n
end
document load
The VMM loads the kernel by itself: there is nothing to do.
end
if $vmm_confirm
  set confirm on
end

echo 'help vmm' lists commands for the guest.\n
