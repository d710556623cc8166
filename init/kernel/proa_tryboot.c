// SPDX-License-Identifier: Apache-2.0 OR GPL-2.0
// A restart's argument "0 tryboot" reaches Raspberry Pi's firmware by a message that Raspberry Pi's own kernel sends and the one
// upstream does not (raspberrypi/rpi-eeprom, issue 716). This module sends it and does nothing else. init/slot looks for the name of
// its notifier before it asks for a trial.
#include <linux/module.h>
#include <linux/of.h>
#include <linux/reboot.h>
#include <linux/string.h>
#include <soc/bcm2835/raspberrypi-firmware.h>

#define SET_REBOOT_FLAGS 0x00038064 /* of the firmware's property interface */
#define FLAG_TRYBOOT 1

static struct rpi_firmware *firmware;

static int proa_tryboot_notify(struct notifier_block *nb, unsigned long action, void *argument)
{
	__le32 flags = cpu_to_le32(FLAG_TRYBOOT);
	int err;

	if (action != SYS_RESTART || !argument || !strstr(argument, " tryboot"))
		return NOTIFY_DONE;
	err = rpi_firmware_property(firmware, SET_REBOOT_FLAGS, &flags, sizeof(flags));
	if (err)
		pr_err("proa_tryboot: the firmware refuses: %d\n", err);
	return NOTIFY_DONE;
}

static struct notifier_block notifier = { .notifier_call = proa_tryboot_notify };

static int __init proa_tryboot_init(void)
{
	struct device_node *node = rpi_firmware_find_node();
	int err;

	if (!node)
		return -ENODEV;
	firmware = rpi_firmware_get(node);
	of_node_put(node);
	if (!firmware)
		return -EPROBE_DEFER;
	err = register_reboot_notifier(&notifier);
	if (err)
		rpi_firmware_put(firmware);
	return err;
}

static void __exit proa_tryboot_exit(void)
{
	unregister_reboot_notifier(&notifier);
	rpi_firmware_put(firmware);
}

module_init(proa_tryboot_init);
module_exit(proa_tryboot_exit);
MODULE_DESCRIPTION("tryboot for Raspberry Pi's firmware");
MODULE_LICENSE("GPL");
