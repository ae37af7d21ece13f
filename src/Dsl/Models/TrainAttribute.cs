namespace Marrow;

/// <summary>
/// Marks a layer or block that is trained whole where a model has adapters, as a classifier is that a pretrained base
/// does not have. <c>SaveAdapter</c> saves it with them, as PEFT's <c>modules_to_save</c>. Without adapters everything
/// is trained anyway.
/// </summary>
[AttributeUsage(AttributeTargets.Property, Inherited = false)]
public sealed class TrainAttribute : Attribute;
